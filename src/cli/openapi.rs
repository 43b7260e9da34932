//! `trackgate openapi`: the document that `/api/openapi.json` answers.

use super::{CliError, Common, output};
use crate::assemble::{self, AssembleError};
use crate::catalogue::Catalogue;

/// Prints the OpenAPI document of the configuration, without touching the store that it names.
pub(super) fn run(common: &Common) -> Result<(), CliError> {
    let config = common.load(None)?;
    let document = assemble::with_scratch(&config, async |ground| {
        let catalogue = Catalogue::make(&config, &ground.services(), &ground.sign_in, None).await;
        Ok::<_, CliError>(catalogue.map_err(AssembleError::Catalogue)?.document)
    })?;
    output::print(document.text())
}
