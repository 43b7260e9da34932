//! The transcript, and the rules of values.

use proptest::prelude::*;

use super::*;
use crate::trackers::fittrackee::tests::{NOW, on};
use crate::trackers::testing::Stage;

#[tokio::test]
async fn brt_06_transcript_of_profile_and_preferences() {
    for stage in Stage::on_each_store(NOW).await {
        let rider = stage.account("rider").await;
        stage.api_token("tg-profile", &rider, "profile:read");
        stage.api_token("tg-write", &rider, "profile:write");
        on(stage).perform(include_str!("../transcripts/profile_edit.txt")).await;
    }
}

#[test]
fn a_text_is_measured_in_characters_and_kept_as_it_is() {
    for kept in ["", " ", "é\u{301}", "🚲🚲", "<b>", "a\nb"] {
        assert_eq!(text(Scalar::Text(kept.into()), 4).ok().flatten().as_deref(), Some(kept));
    }
    assert!(matches!(text(Scalar::Null, 4), Ok(None)));
    for refused in [Scalar::Text("12345".into()), Scalar::Text("\0".into()), Scalar::Whole(1), Scalar::Bool(true)] {
        assert!(text(refused, 4).is_err());
    }
}

proptest! {
    #[test]
    fn any_text_is_a_date_or_none_without_panic(text in "\\PC{0,12}|[0-9-]{0,12}") {
        if let Some(read) = date(&text) {
            prop_assert_eq!(date(&read.to_string()), Some(read));
        }
    }

    #[test]
    fn a_date_is_read_with_and_without_its_zeros(year in 1_i16..=9999, month in 1_i8..=12, day in 1_i8..=28) {
        let expected = Date::new(year, month, day).unwrap();
        prop_assert_eq!(date(&format!("{year:04}-{month}-{day}")), Some(expected));
        prop_assert_eq!(date(&format!("{year:04}-{month:02}-{day:02}")), Some(expected));
        prop_assert_eq!(date(&format!("{year:04}-{month:03}-{day}")), None);
        prop_assert_eq!(date(&format!("-{year:04}-{month}-{day}")), None);
    }

    #[test]
    fn numbers_but_one_and_zero_switch_nothing(number in 2_u64.., other in any::<f64>()) {
        prop_assert!(switch(&Scalar::Whole(number)).is_err());
        prop_assert!(switch(&Scalar::Number(other)).is_err());
    }
}
