//! Sports, equipment and workouts, and what is summed up from them.

pub(super) mod kept;
pub(super) mod sports;
