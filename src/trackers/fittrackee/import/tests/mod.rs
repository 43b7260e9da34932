//! Imports from a server that is a few lists, into a store in memory.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use trackgate_schemes::store::AccountState;
use trackgate_schemes::{AccountId, Clock as _, Digest, Grants, Secret};

use super::user::{Mailed, instant};
use super::*;
use crate::ports::{ForeignEquipment, ForeignSport, ForeignWorkout, MailedPurpose, Store};
use crate::trackers::fittrackee::objects::kept::{SportPreference, WORKOUTS, Workout, short_id};
use crate::trackers::testing::Stage;
use server::{BCRYPT, Counter, GOLDEN, Server, found, golden, numbered, user, workout};

mod server;

const PLAIN: ImportOptions =
    ImportOptions { admins: Admins::Keep, taken_numbers: TakenNumbers::LeaveOut, run: Run::Real };
const DRY: ImportOptions = ImportOptions { run: Run::Dry, ..PLAIN };
const RENUMBER: ImportOptions = ImportOptions { taken_numbers: TakenNumbers::Renumber, ..PLAIN };

async fn import(stage: &Stage, server: &Arc<Server>, options: ImportOptions) -> Report {
    run(stage, server, options, &mut Counter::default()).await
}

async fn run(stage: &Stage, server: &Arc<Server>, options: ImportOptions, watch: &mut Counter) -> Report {
    Import::new(stage.accounts.clone(), Arc::clone(server) as _, options).run(watch).await
}

fn stage() -> Stage {
    Stage::at("2026-11-22T01:44:09Z")
}

fn server(users: impl IntoIterator<Item = (i64, ForeignUser)>) -> Server {
    Server { users: users.into_iter().map(|(id, user)| found(id, user)).collect(), ..Server::default() }
}

/// Everything that a run could have changed.
async fn everything(store: &dyn Store) -> String {
    let mut all = format!("{}", store.newest_event().await.unwrap());
    for account in store.list_accounts(AccountId(0), 1000).await.unwrap() {
        let document = store.document(ID, account.id).await.unwrap();
        let things = store.items(WORKOUTS, account.id, crate::ports::ItemFilter::default()).await.unwrap();
        all += &(format!("{account:?}") + &format!("{document:?} {things:?}"));
    }
    let filter = crate::ports::AuditFilter { limit: 1000, ..crate::ports::AuditFilter::default() };
    all + &store.audit(filter).await.unwrap().len().to_string()
}

async fn account(stage: &Stage, name: &str) -> Account {
    stage.store.account_by_login(&Login::parse(name).unwrap()).await.unwrap().unwrap()
}

async fn profile(stage: &Stage, id: AccountId) -> Profile {
    Profile::load(&stage.accounts, id).await.unwrap()
}

fn reasons(report: &Report) -> Vec<(i64, &str)> {
    report.users.iter().flat_map(|line| line.left_out.iter().map(|why| (line.user, &**why))).collect()
}

#[tokio::test]
async fn a_user_comes_with_everything() {
    let whole = ForeignUser {
        admin: true,
        first_name: Some("Anna".into()),
        last_name: Some("Ål".into()),
        birth_date: Some("1990-02-03 00:00:00".into()),
        location: Some(String::new()),
        bio: Some("x".repeat(200)),
        timezone: Some("America/New_York".into()),
        date_format: Some("yyyy-MM-dd".into()),
        weekm: true,
        imperial_units: true,
        display_ascent: true,
        start_elevation_at_zero: true,
        use_raw_gpx_speed: true,
        use_dark_mode: None,
        ..user("Anna_1")
    };
    let server = Arc::new(server([(7, whole)]));
    let stage = stage();
    let mut watch = Counter::default();
    let report = run(&stage, &server, PLAIN, &mut watch).await;
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((watch.announced, watch.seen, report.count(Outcome::Imported)), (1, 1, 1));

    let anna = account(&stage, "anna_1").await;
    assert_eq!((anna.id, &*anna.name, anna.email.as_deref()), (AccountId(7), "Anna_1", Some("Anna_1@example.org")));
    assert_eq!((anna.state, anna.grants.to_string()), (AccountState::Active, "* account:admin".to_owned()));
    assert_eq!(
        (anna.not_before, Some(anna.created_at)),
        (SystemTime::UNIX_EPOCH, instant("2025-03-01 10:20:30.123456"))
    );
    let kept = profile(&stage, anna.id).await;
    let mark = kept.imported_from.clone().unwrap();
    assert_eq!((mark.user, &*mark.created_at), (7, "2025-03-01 10:20:30.123456"));
    let wanted = Profile {
        accepted_policy_at: kept.accepted_policy_at,
        accepted_privacy_policy: true,
        bio: Some("x".repeat(200)),
        birth_date: Some("1990-02-03".into()),
        date_format: Some("yyyy-MM-dd".into()),
        display_ascent: true,
        first_name: Some("Anna".into()),
        imperial_units: true,
        imported_from: kept.imported_from.clone(),
        language: Some("fr".into()),
        last_name: Some("Ål".into()),
        location: Some(String::new()),
        start_elevation_at_zero: true,
        timezone: Some("America/New_York".into()),
        use_dark_mode: None,
        use_raw_gpx_speed: true,
        weekm: true,
        ..Profile::default()
    };
    assert_eq!(kept, wanted);

    // The old password works, and is stored in a stronger form from then on.
    let sign_in = async |password: &str| {
        stage.accounts.sign_in(ID, "anna_1@EXAMPLE.org", password.into(), &Origin::nobody(ID, None)).await
    };
    assert!(sign_in("correct horsf").await.is_err());
    assert!(sign_in("correct horse").await.is_ok());
    assert!(account(&stage, "anna_1").await.password.unwrap().expose().starts_with(b"$argon2id$"));
    assert!(sign_in("correct horse").await.is_ok());
}

#[tokio::test]
async fn a_second_run_changes_nothing_and_neither_does_a_dry_one() {
    let mut server = server([(1, user("anna")), (2, user("berta")), (3, user("Carla"))]);
    server.tokens = vec![GOLDEN.into()];
    server.workouts.insert(1, vec![found(9, workout())]);
    let server = Arc::new(server);
    let stage = stage();
    let before = everything(&*stage.store).await;
    let dry = import(&stage, &server, DRY).await;
    assert_eq!(everything(&*stage.store).await, before);
    assert_eq!((dry.dry_run, dry.count(Outcome::Imported), dry.signed_out.imported), (true, 3, 1));
    assert_eq!(dry.users[0].workouts, 1);

    let first = import(&stage, &server, PLAIN).await;
    assert_eq!((&first.users, first.signed_out), (&dry.users, dry.signed_out), "what the dry run told");
    let between = everything(&*stage.store).await;
    assert_ne!(between, before);
    stage.clock.advance(Duration::from_secs(100));
    for options in [PLAIN, DRY, RENUMBER] {
        let again = import(&stage, &server, options).await;
        assert!(again.is_whole());
        assert_eq!((again.count(Outcome::AlreadyThere), again.signed_out.already_there), (3, 1));
        assert_eq!(everything(&*stage.store).await, between);
    }
}

#[tokio::test]
async fn names_and_addresses_that_somebody_has_are_not_guessed_at() {
    let stage = stage();
    stage.account("Anna").await;
    let cased = ForeignUser { email: "DORA@example.org".into(), ..user("dora2") };
    let ours = ForeignUser { email: "anna@example.org".into(), ..user("other") };
    let rows =
        [(11, user("anna")), (12, ours), (13, user("dora")), (14, cased), (15, user("DORA")), (16, user("emil"))];
    let server = Arc::new(server(rows));
    for options in [DRY, PLAIN] {
        let report = import(&stage, &server, options).await;
        assert_eq!(report.count(Outcome::LeftOut), 4, "{report:?}");
        assert!(!report.is_whole());
        let reasons = reasons(&report);
        assert_eq!(reasons[0], (11, "the name is taken by account 1 here"));
        assert_eq!(reasons[1], (12, "the e-mail address is taken by account 1 here"));
        assert_eq!(reasons[2].0, 14);
        assert_eq!(reasons[3].0, 15);
    }
    assert_eq!((account(&stage, "dora").await.id, account(&stage, "emil").await.id), (AccountId(13), AccountId(16)));
    assert_eq!(stage.store.list_accounts(AccountId(0), 100).await.unwrap().len(), 3);
}

#[tokio::test]
async fn whose_number_somebody_has_is_left_out_or_comes_last_and_without_old_tokens() {
    let stage = stage();
    let native = stage.account("rider").await;
    let gone = stage.account("gone").await;
    stage.accounts.delete(gone.id, &Origin::operator()).await.unwrap();
    assert_eq!((native.id, gone.id), (AccountId(1), AccountId(2)));
    let server = Arc::new(server([(1, user("anna")), (2, user("berta")), (3, user("carla")), (4, user("dora"))]));
    let report = import(&stage, &server, PLAIN).await;
    assert_eq!(reasons(&report).iter().map(|(user, _)| *user).collect::<Vec<_>>(), [1, 2], "{report:?}");
    for (name, number) in [("carla", 3), ("dora", 4)] {
        let kept = account(&stage, name).await;
        assert_eq!((kept.id, kept.not_before), (AccountId(number), SystemTime::UNIX_EPOCH));
    }
    assert!(stage.store.account_by_login(&Login::parse("berta").unwrap()).await.unwrap().is_none());

    let report = import(&stage, &server, RENUMBER).await;
    assert!(report.is_whole() && report.count(Outcome::Imported) == 2, "{report:?}");
    for name in ["anna", "berta"] {
        let moved = account(&stage, name).await;
        assert!(moved.id > AccountId(4), "{moved:?}");
        assert_eq!(moved.not_before, moved.created_at, "no token of the old server is good for it");
    }
    assert_eq!(stage.store.account(native.id).await.unwrap(), Some(native), "nothing became of the other");
    let again = import(&stage, &server, RENUMBER).await;
    assert_eq!(again.count(Outcome::AlreadyThere), 4);
}

#[tokio::test]
async fn whoever_gets_a_new_number_never_gets_that_of_somebody_who_comes_along() {
    let stage = stage();
    stage.account("rider").await;
    let server = Arc::new(server((1..=6).map(|number| (number, user(&format!("user{number}"))))));
    assert!(import(&stage, &server, RENUMBER).await.is_whole());
    for number in 2..=6 {
        assert_eq!(account(&stage, &format!("user{number}")).await.id, AccountId(number));
    }
    assert_eq!(account(&stage, "user1").await.id, AccountId(7));
}

#[tokio::test]
async fn another_server_with_the_same_numbers_is_told_apart() {
    let stage = stage();
    import(&stage, &Arc::new(server([(1, user("anna"))])), PLAIN).await;
    let other = ForeignUser { created_at: Some("2024-01-01 00:00:00".into()), ..user("zoe") };
    let namesake = ForeignUser { created_at: Some("2024-01-01 00:00:01".into()), ..user("anna") };
    let report = import(&stage, &Arc::new(server([(1, other), (2, namesake)])), PLAIN).await;
    assert_eq!(report.count(Outcome::LeftOut), 2, "{report:?}");
}

#[tokio::test]
async fn a_run_can_be_stopped_anywhere_and_run_again() {
    let mut server = server((1..=5).map(|number| (number, user(&format!("user{number}")))));
    server.workouts = (1..=5).map(|user| (user, (1..=3).map(|id| found(id, numbered(user, id))).collect())).collect();
    let server = Arc::new(server);
    let stage = stage();
    let mut watch = Counter { stops_after: Some(2), ..Counter::default() };
    let report = run(&stage, &server, PLAIN, &mut watch).await;
    assert_eq!((&report.end, report.users.len()), (&End::Stopped, 2));
    assert!(!report.is_whole());

    // In the middle of one: the account is there, the mark is not.
    *server.breaks_at.lock().unwrap() = Some(4);
    let report = import(&stage, &server, PLAIN).await;
    assert!(matches!(&report.end, End::Failed(why) if why.contains("the cable was cut")), "{report:?}");
    assert_eq!(report.users.len(), 3);
    let half = account(&stage, "user4").await;
    assert_eq!(profile(&stage, half.id).await.imported_from, None);

    // Meanwhile its owner has chosen a language: it stays.
    let chosen = Profile::update(&stage.accounts, half.id, |profile| profile.language = Some("de".into()));
    chosen.await.unwrap();
    let report = import(&stage, &server, PLAIN).await;
    assert!(report.is_whole(), "{report:?}");
    let outcomes: Vec<_> = report.users.iter().map(|line| line.outcome).collect();
    let there = Outcome::AlreadyThere;
    assert_eq!(outcomes, [there, there, there, Outcome::Completed, Outcome::Imported]);
    assert_eq!(profile(&stage, half.id).await.language.as_deref(), Some("de"));
    for number in 1..=5 {
        let filter = crate::ports::ItemFilter::default();
        assert_eq!(stage.store.count_items(WORKOUTS, AccountId(number), filter).await.unwrap(), 3);
    }
    assert_eq!(import(&stage, &server, PLAIN).await.count(there), 5);
}

#[tokio::test]
async fn signed_out_tokens_stay_so_however_they_are_written() {
    let dead = golden("{\"exp\":1795311849,\"iat\":1795311800,\"sub\":\"1\"}");
    let padded = golden("{\"exp\":1797903850,\"iat\":1795311850,\"sub\":\"1\"}");
    let mut server = server([]);
    server.tokens = vec![GOLDEN.into(), dead, format!("{padded}="), "nonsense".into(), String::new()];
    let server = Arc::new(server);
    let stage = stage();
    let report = import(&stage, &server, PLAIN).await;
    assert_eq!(report.signed_out, SignedOutTokens { already_there: 0, imported: 2, dead: 3 });
    let settings = jwt::Settings::new(SCHEME);
    for token in [GOLDEN, &padded] {
        let key = settings.signed_out(token, stage.clock.now()).unwrap().key;
        assert!(stage.store.blacklisted(&key).await.unwrap().is_some(), "{token}");
    }
}

#[tokio::test]
async fn what_was_mailed_and_not_used_can_be_used_here() {
    let waiting = |name: &str, is_active: bool, address: Option<&str>, token: Option<&str>| ForeignUser {
        is_active,
        email_to_confirm: address.map(Into::into),
        confirmation_token: token.map(Into::into),
        ..user(name)
    };
    let server = Arc::new(server([
        (1, waiting("fresh", false, None, Some("token-of-fresh"))),
        (2, waiting("moving", true, Some("new@example.org"), Some("token-of-moving"))),
        (3, waiting("stopped", false, None, None)),
        (4, waiting("stale", true, None, Some("token-of-stale"))),
        (5, waiting("odd", true, Some("nonsense"), Some("token-of-odd"))),
    ]));
    let stage = stage();
    let report = import(&stage, &server, PLAIN).await;
    assert_eq!(reasons(&report).len(), 1, "{report:?}");
    let in_state = async |name| account(&stage, name).await.state;
    assert_eq!(in_state("fresh").await, AccountState::Unconfirmed);
    assert_eq!(in_state("moving").await, AccountState::Active);
    assert_eq!(in_state("stopped").await, AccountState::Disabled, "nobody who was put out of use confirms himself");
    let taken = async |purpose, text: &str| {
        let digest = Digest::sha256(text.as_bytes());
        stage.store.take_mailed_token(purpose, &digest, stage.clock.now()).await.unwrap()
    };
    for text in ["token-of-fresh", "token-of-moving", "token-of-stale", "token-of-odd"] {
        for purpose in [MailedPurpose::ConfirmAccount, MailedPurpose::ChangeEmail, MailedPurpose::ResetPassword] {
            let got = taken(purpose, text).await.map(|token| (token.account.0, token.about));
            let wanted = match (purpose, text) {
                (MailedPurpose::ConfirmAccount, "token-of-fresh") => Some((1, None)),
                (MailedPurpose::ChangeEmail, "token-of-moving") => Some((2, Some("new@example.org".into()))),
                _ => None,
            };
            assert_eq!(got, wanted, "{text} for {purpose:?}");
        }
    }
    assert_eq!(profile(&stage, AccountId(2)).await.email_to_confirm.as_deref(), Some("new@example.org"));
    assert_eq!(profile(&stage, AccountId(5)).await.email_to_confirm, None);
}

#[tokio::test]
async fn equipment_workouts_and_choices_come_along() {
    let bike = |uuid: &str, kind| ForeignEquipment {
        uuid: uuid.into(),
        label: "Bike".into(),
        equipment_type: kind,
        creation_date: Some("2025-04-01 00:00:00".into()),
        is_active: true,
        ..ForeignEquipment::default()
    };
    let (good, odd) = ("00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002");
    let mut server = server([(1, user("anna"))]);
    server
        .equipments
        .insert(1, vec![found(1, bike(good, Some(2))), found(2, bike(odd, None)), found(3, bike("x", Some(1)))]);
    let choice = |color: &str, speed| ForeignSport {
        color: Some(color.into()),
        is_active: false,
        stopped_speed_threshold: speed,
        default_equipments: vec![odd.into(), good.into()],
    };
    let unread = Foreign { id: 5, row: Err("color cannot be read".into()) };
    server.sports.insert(
        1,
        vec![found(1, choice("#0af", 2.5)), found(2, choice("red", f64::NAN)), unread, found(99, choice("", 1.0))],
    );
    let rows = vec![
        found(1, ForeignWorkout { equipments: vec![odd.into(), good.into()], ..workout() }),
        found(2, ForeignWorkout { sport: 40, ..numbered(1, 2) }),
        found(3, ForeignWorkout { duration: Some(f64::NAN), ..numbered(1, 3) }),
        found(4, ForeignWorkout { workout_date: Some("0044-03-15 12:00:00 BC".into()), ..numbered(1, 4) }),
        found(5, ForeignWorkout { distance: Some(f64::NAN), pauses: None, ..numbered(1, 5) }),
    ];
    server.workouts.insert(1, rows);
    let stage = stage();
    let report = import(&stage, &Arc::new(server), PLAIN).await;
    let line = &report.users[0];
    assert_eq!((line.equipments, line.workouts, line.left_out.len()), (1, 2, 7), "{line:?}");

    let filter = crate::ports::ItemFilter::default();
    let bike_id = short_id("00000000-0000-0000-0000-000000000001".parse().unwrap());
    let items = stage.store.items(WORKOUTS, AccountId(1), filter).await.unwrap();
    let first = items.iter().find(|item| *item.id == *short_id(workout().uuid.parse().unwrap())).unwrap();
    assert_eq!(first.place, 1_752_307_200_000_000);
    let kept: Workout = serde_json::from_str(&first.body).unwrap();
    assert_eq!((kept.sport_id, kept.measures.duration, kept.measures.pauses), (5, 3600, Some(15)));
    assert_eq!((kept.measures.distance, kept.title.as_deref()), (Some(10.125), Some("Ünter Bäumen")));
    assert_eq!(kept.equipment, std::slice::from_ref(&bike_id));
    let sports = profile(&stage, AccountId(1)).await.sports;
    assert_eq!(sports.keys().copied().collect::<Vec<_>>(), [1, 2]);
    let wanted = SportPreference {
        color: Some("#0af".into()),
        is_active: false,
        stopped_speed_threshold: 2.5,
        default_equipment: Some(bike_id),
    };
    assert_eq!(sports[&1], wanted);
    assert_eq!((sports[&2].color.as_deref(), sports[&2].stopped_speed_threshold), (None, 1.0));
}

#[tokio::test]
async fn a_row_that_cannot_be_read_stops_nobody_else() {
    let odd = |change: fn(&mut ForeignUser)| {
        let mut user = user("odd");
        change(&mut user);
        user
    };
    let mut server = server([
        (1, odd(|user| user.username = "a name".into())),
        (2, odd(|user| user.username.clear())),
        (3, odd(|user| user.email = "nonsense".into())),
        (4, odd(|user| user.created_at = None)),
        (5, odd(|user| user.created_at = Some("infinity".into()))),
        (6, odd(|user| user.created_at = Some("1970-01-01 00:00:00".into()))),
        (8, odd(|user| user.password = Some("plain text".into()))),
        (9, user("good")),
    ]);
    server.users.insert(6, Foreign { id: 7, row: Err("admin cannot be read".into()) });
    let stage = stage();
    let report = import(&stage, &Arc::new(server), PLAIN).await;
    assert_eq!(report.count(Outcome::LeftOut), 7, "{report:?}");
    assert_eq!(report.count(Outcome::Imported), 2);
    assert!(account(&stage, "odd").await.password.is_none(), "it needs a new one");
    assert_eq!(account(&stage, "good").await.id, AccountId(9));
}

#[test]
fn administrators_stay_so_only_when_that_is_wanted() {
    let admin = || ForeignUser { admin: true, ..user("anna") };
    let of = |admins| Arrival::of(1, admin(), &Policy::Default, admins).unwrap().account.grants;
    assert_eq!(of(Admins::Keep).to_string(), "* account:admin");
    assert_eq!(of(Admins::MakeUsers), Grants::EVERYDAY);
}

#[test]
fn the_policy_is_accepted_when_it_was_accepted_later() {
    let accepted = |policy: Option<&str>, at: Option<&str>| {
        let user = ForeignUser { accepted_policy_date: at.map(Into::into), ..user("anna") };
        Arrival::of(1, user, &Policy::of(policy), Admins::Keep).unwrap().profile.accepted_privacy_policy
    };
    let (early, late) = (Some("2025-01-01 00:00:00"), Some("2025-01-01 00:00:00.5"));
    for (policy, at, wanted) in [
        (None, early, true),
        (None, None, false),
        (early, late, true),
        (late, early, false),
        (early, early, false),
        (Some("infinity"), late, false),
        (None, Some("infinity"), false),
    ] {
        assert_eq!(accepted(policy, at), wanted, "{policy:?} {at:?}");
    }
}

/// A folder of uploads with a picture, a text that calls itself one, and ways out.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("uploads").join("pictures").join("1");
    std::fs::create_dir_all(&own).unwrap();
    // A PNG that its owner called a JPEG.
    let mut png = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(3, 2).write_to(&mut png, image::ImageFormat::Png).unwrap();
    std::fs::write(own.join("me.jpg"), png.into_inner()).unwrap();
    std::fs::write(own.join("text.png"), "no picture").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", own.join("link.png")).unwrap();
    folder
}

#[test]
fn no_path_leads_out_of_the_folder_of_uploads() {
    let folder = folder();
    for good in [folder.path().to_owned(), folder.path().join("uploads")] {
        assert!(uploads::read(&good, "pictures/1/me.jpg").is_ok(), "{good:?}");
    }
    for path in
        ["", "/etc/passwd", "../../etc/passwd", "pictures/../../x", "pictures/1/link.png", "pictures/1", "nobody.png"]
    {
        assert!(uploads::read(folder.path(), path).is_err(), "{path}");
    }
    assert!(uploads::read(&folder.path().join("gone"), "pictures/1/me.jpg").is_err());
}

#[tokio::test]
async fn pictures_come_when_their_folder_is_named_and_not_twice() {
    let pictured = |name: &str, path: &str| ForeignUser { picture: Some(path.into()), ..user(name) };
    let server = Arc::new(server([
        (1, pictured("anna", "pictures/1/me.jpg")),
        (2, pictured("berta", "pictures/1/text.png")),
        (3, pictured("carla", "pictures/3/gone.png")),
        (4, pictured("dora", "pictures/1/link.png")),
    ]));
    let (stage, folder) = (stage(), folder());
    let files: Arc<dyn Files> = Arc::new(crate::stores::MemoryFiles::new(Arc::clone(&stage.clock) as _));
    let with_pictures = async |options| {
        let import = Import::new(stage.accounts.clone(), Arc::clone(&server) as _, options);
        import.with_pictures(folder.path().to_owned(), Arc::clone(&files)).run(&mut Counter::default()).await
    };
    let first = import(&stage, &server, PLAIN).await;
    assert!(first.is_whole() && first.users.iter().all(|line| line.notes.len() == 1), "{first:?}");

    let told = with_pictures(DRY).await;
    assert_eq!((told.count(Outcome::Completed), reasons(&told).len()), (2, 2), "{told:?}");
    assert_eq!(profile(&stage, AccountId(1)).await.picture, None);
    let done = with_pictures(PLAIN).await;
    assert_eq!((done.count(Outcome::Completed), reasons(&done).len()), (1, 3), "{done:?}");
    let picture = profile(&stage, AccountId(1)).await.picture.unwrap();
    assert!(picture.starts_with("1-") && picture.rsplit_once('.').unwrap().1 == "png", "{picture}");
    assert!(files.open(crate::ports::Area::Pictures, &picture.parse().unwrap()).await.unwrap().is_some());

    // Its owner removes it here: it does not come back.
    Profile::update(&stage.accounts, AccountId(1), |profile| profile.picture = None).await.unwrap();
    let again = with_pictures(PLAIN).await;
    assert_eq!((again.count(Outcome::AlreadyThere), again.count(Outcome::Completed)), (4, 0), "{again:?}");
    assert_eq!(profile(&stage, AccountId(1)).await.picture, None);
}

proptest! {
    /// Whatever stands in a row, it is an account that can be kept and signed in to, or a reason in words.
    #[test]
    fn any_row_is_an_account_or_a_reason(
        number in any::<i64>(),
        texts in prop::collection::vec(prop::option::of(text()), 13),
        flags in prop::collection::vec(any::<bool>(), 8),
        name in prop_oneof![text(), "[A-Za-z0-9_]{3,30}"],
        email in prop_oneof![text(), "[a-z]{1,9}@[a-z]{1,9}\\.org"],
        made in prop_oneof![text(), Just("2025-03-01 10:20:30.123456".to_owned())],
    ) {
        let mut texts = texts.into_iter();
        let mut next = || texts.next().flatten();
        let row = ForeignUser {
            username: name,
            email,
            created_at: Some(made),
            password: next().map(Secret::from),
            admin: flags[0],
            is_active: flags[1],
            first_name: next(),
            last_name: next(),
            birth_date: next(),
            location: next(),
            bio: next(),
            picture: next(),
            timezone: next(),
            date_format: next(),
            weekm: flags[2],
            language: next(),
            imperial_units: flags[3],
            email_to_confirm: next(),
            confirmation_token: next().map(Secret::from),
            display_ascent: flags[4],
            accepted_policy_date: next(),
            start_elevation_at_zero: flags[5],
            use_raw_gpx_speed: flags[6],
            use_dark_mode: Some(flags[7]),
        };
        match Arrival::of(number, row, &Policy::Default, Admins::Keep) {
            Err(why) => prop_assert!(!why.is_empty()),
            Ok(arrival) => {
                let profile = &arrival.profile;
                let fits = |text: &Option<String>, most| text.as_ref().is_none_or(|text| text.chars().count() <= most);
                prop_assert!(fits(&profile.bio, 200) && fits(&profile.location, 80) && fits(&profile.timezone, 50));
                prop_assert!(profile.birth_date.as_ref().is_none_or(|date| date.parse::<jiff::civil::Date>().is_ok()));
                prop_assert!(arrival.number.0 > 0 && arrival.account.created_at > SystemTime::UNIX_EPOCH);
                let text = serde_json::to_string(profile).unwrap();
                prop_assert_eq!(&serde_json::from_str::<Profile>(&text).unwrap(), profile);
                if let Some(Mailed { about: Some(address), .. }) = &arrival.mailed {
                    prop_assert!(trackgate_schemes::EmailAddress::parse(address).is_ok());
                }
            }
        }
    }
}

/// Short, long, empty, of any letters.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{0,12}", "[äöß🚲]{60,300}", any::<String>(), Just(BCRYPT.to_owned())]
}
