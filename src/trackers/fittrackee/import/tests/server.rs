//! The server that users come from in these tests, who looks on, and samples.

use std::collections::HashMap;
use std::sync::Mutex;

use trackgate_schemes::store::{Answer, StoreError, StoreErrorKind};

use crate::ports::{
    FitTrackeeSource, Foreign, ForeignEquipment, ForeignSport, ForeignToken, ForeignUser, ForeignWorkout,
};
use crate::trackers::fittrackee::import::{Line, Watch};

/// A server that answers from lists.
#[derive(Debug, Default)]
pub(super) struct Server {
    pub(super) users: Vec<Foreign<ForeignUser>>,
    pub(super) tokens: Vec<String>,
    pub(super) policy: Option<String>,
    pub(super) equipments: HashMap<i64, Vec<Foreign<ForeignEquipment>>>,
    pub(super) sports: HashMap<i64, Vec<Foreign<ForeignSport>>>,
    pub(super) workouts: HashMap<i64, Vec<Foreign<ForeignWorkout>>>,
    /// Fails once it was asked for the workouts of this user.
    pub(super) breaks_at: Mutex<Option<i64>>,
}

pub(super) fn answer<T: Send + 'static>(value: T) -> Answer<'static, T> {
    Box::pin(async move { Ok(value) })
}

pub(super) fn page<T: Clone>(rows: &[Foreign<T>], after: i64, limit: u32) -> Vec<Foreign<T>> {
    rows.iter().filter(|row| row.id > after).take(limit as usize).cloned().collect()
}

impl FitTrackeeSource for Server {
    fn count_users(&self) -> Answer<'_, u64> {
        answer(self.users.len() as u64)
    }

    fn users(&self, after: i64, limit: u32) -> Answer<'_, Vec<Foreign<ForeignUser>>> {
        answer(page(&self.users, after, limit.min(2)))
    }

    fn policy_date(&self) -> Answer<'_, Option<String>> {
        answer(self.policy.clone())
    }

    fn signed_out(&self, after: i64, limit: u32) -> Answer<'_, Vec<Foreign<ForeignToken>>> {
        let rows = self.tokens.iter().zip(1..).map(|(token, id)| found(id, ForeignToken { token: (**token).into() }));
        answer(page(&rows.collect::<Vec<_>>(), after, limit.min(2)))
    }

    fn sports(&self, user: i64) -> Answer<'_, Vec<Foreign<ForeignSport>>> {
        answer(self.sports.get(&user).cloned().unwrap_or_default())
    }

    fn equipments(&self, user: i64) -> Answer<'_, Vec<Foreign<ForeignEquipment>>> {
        answer(self.equipments.get(&user).cloned().unwrap_or_default())
    }

    fn workouts(&self, user: i64, after: i64, limit: u32) -> Answer<'_, Vec<Foreign<ForeignWorkout>>> {
        if self.breaks_at.lock().unwrap().take_if(|at| *at == user).is_some() {
            return Box::pin(async { Err(StoreError::new(StoreErrorKind::Unavailable, "the cable was cut")) });
        }
        answer(self.workouts.get(&user).map(|rows| page(rows, after, limit.min(2))).unwrap_or_default())
    }
}

pub(super) fn found<T>(id: i64, row: T) -> Foreign<T> {
    Foreign { id, row: Ok(row) }
}

/// A user as a new one is there, with the password `correct horse`.
pub(super) fn user(name: &str) -> ForeignUser {
    ForeignUser {
        username: name.into(),
        email: format!("{name}@example.org"),
        password: Some(BCRYPT.into()),
        created_at: Some("2025-03-01 10:20:30.123456".into()),
        is_active: true,
        language: Some("fr".into()),
        accepted_policy_date: Some("2025-03-01 10:20:30.1".into()),
        ..ForeignUser::default()
    }
}

/// Counts users, and stops after some.
#[derive(Debug, Default)]
pub(super) struct Counter {
    pub(super) announced: u64,
    pub(super) seen: usize,
    pub(super) stops_after: Option<usize>,
}

impl Watch for Counter {
    fn begin(&mut self, users: u64) {
        self.announced = users;
    }

    fn user(&mut self, _line: &Line) {
        self.seen += 1;
    }

    fn stops(&self) -> bool {
        self.stops_after.is_some_and(|most| self.seen >= most)
    }
}

pub(super) fn workout() -> ForeignWorkout {
    ForeignWorkout {
        uuid: "11111111-2222-3333-4444-555555555555".into(),
        sport: 5,
        title: Some("Ünter Bäumen".into()),
        creation_date: Some("2025-07-12 09:00:00".into()),
        workout_date: Some("2025-07-12 08:00:00".into()),
        duration: Some(3600.0),
        pauses: Some(15.5),
        moving: Some(3584.5),
        distance: Some(10.125),
        ..ForeignWorkout::default()
    }
}

pub(super) fn numbered(user: i64, id: i64) -> ForeignWorkout {
    ForeignWorkout { uuid: format!("11111111-2222-3333-{user:04}-{id:012}"), ..workout() }
}

/// A token with this payload; nobody looks at its signature.
pub(super) fn golden(payload: &str) -> String {
    use base64::Engine as _;
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(payload);
    format!("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.{payload}.AAAA")
}

/// `correct horse`.
pub(super) const BCRYPT: &str = "$2b$04$EKEGm1lV98zbsSwsp0jW.eRwQTkJIrYq57bHec8UzNprDRVceJAIK";

/// Issued by the real server (contract section 3.2).
pub(super) const GOLDEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3OTc5MDM4NDksImlhdCI6MTc5NTMxMTg0OSwic3ViIjoiMSJ9.\
                      R8DHu9r94uyx8Gq-amUXQc5ZiAN5hj7IJPVp6kIEg6k";
