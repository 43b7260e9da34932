use super::super::tests::{named, service};
use super::*;

fn keys(current: u8, previous: &[u8]) -> LinkKeys {
    let secret = |byte: u8| Secret::new(vec![byte; 32]);
    LinkKeys::new(&secret(current), &previous.iter().map(|byte| secret(*byte)).collect::<Vec<_>>()).unwrap()
}

fn new(user: &str, secret: &str) -> NewLink {
    NewLink { user: user.to_owned(), secret: Some(secret.into()), number: None }
}

async fn rider(service: &AccountService, name: &str) -> Account {
    service.register(named(name), &Origin::operator()).await.unwrap()
}

#[tokio::test]
async fn a_link_is_found_changed_and_removed() {
    let service = service();
    let rider = rider(&service, "rider").await;
    let (links, now) = (Links::new(service.clone(), keys(1, &[])), service.clock().now());
    assert_eq!(links.find(rider.id, "crm", now).await.unwrap(), None);
    for secret in ["one \"quoted\"", "two"] {
        links.set(&rider, "crm", new("anna@example.org", secret), &Origin::operator()).await.unwrap();
        let found = links.find(rider.id, "crm", now).await.unwrap().unwrap();
        assert_eq!((&*found.user, found.secret.clone()), ("anna@example.org", Some(secret.into())));
    }
    let listed = links.list(rider.id).await.unwrap();
    assert_eq!((listed.len(), &*listed[0].set, &*listed[0].key), (1, "crm", links.keys().current()));
    links.remove(&rider, "crm", &Origin::operator()).await.unwrap();
    assert_eq!(links.find(rider.id, "crm", now).await.unwrap(), None);
    let again = links.remove(&rider, "crm", &Origin::operator()).await;
    assert_eq!(again.unwrap_err(), ChangeError::NotFound);
}

#[tokio::test]
async fn what_is_known_is_not_asked_of_the_store_until_something_of_the_account_changes() {
    let service = service();
    let rider = rider(&service, "rider").await;
    let (links, now) = (Links::new(service.clone(), keys(1, &[])), service.clock().now());
    links.set(&rider, "crm", new("anna", "word"), &Origin::operator()).await.unwrap();
    let found = links.find(rider.id, "crm", now).await.unwrap();
    assert_eq!(links.find(rider.id, "none", now).await.unwrap(), None);
    // Behind the service's back, so that no memory is told.
    let item = service.store().item(LINKS, &id(rider.id, "crm")).await.unwrap().unwrap();
    service.store().delete_item(LINKS, rider.id, &item.id).await.unwrap();
    service.store().add_item(LINKS, Item { id: id(rider.id, "none"), ..item }).await.unwrap();
    assert_eq!(links.find(rider.id, "crm", now).await.unwrap(), found);
    assert_eq!(links.find(rider.id, "none", now).await.unwrap(), None);
    // As the event log tells another process.
    service.memories().forget_documents(rider.id);
    assert_eq!(links.find(rider.id, "crm", now).await.unwrap(), None);
    assert!(links.find(rider.id, "none", now).await.is_err());
}

#[tokio::test]
async fn a_sealed_link_cannot_be_moved_to_another_account_or_set() {
    let service = service();
    let (rider, thief) = (rider(&service, "rider").await, rider(&service, "thief").await);
    let (links, now) = (Links::new(service.clone(), keys(1, &[])), service.clock().now());
    links.set(&rider, "crm", new("anna", "word"), &Origin::operator()).await.unwrap();
    let item = service.store().item(LINKS, &id(rider.id, "crm")).await.unwrap().unwrap();
    assert!(!item.body.contains("anna") && !item.body.contains("word"));
    let stolen = Item { id: id(thief.id, "crm"), account: thief.id, ..item.clone() };
    service.store().add_item(LINKS, stolen).await.unwrap();
    assert_eq!(links.find(thief.id, "crm", now).await.unwrap_err(), LinkError::NotGenuine);
    let moved = Item { id: id(rider.id, "points"), ..item };
    service.store().add_item(LINKS, moved).await.unwrap();
    assert_eq!(links.find(rider.id, "points", now).await.unwrap_err(), LinkError::NotGenuine);
}

#[tokio::test]
async fn another_key_opens_nothing_and_says_which_is_missing() {
    let service = service();
    let rider = rider(&service, "rider").await;
    let (links, now) = (Links::new(service.clone(), keys(1, &[])), service.clock().now());
    links.set(&rider, "crm", new("anna", "word"), &Origin::operator()).await.unwrap();
    let sealed_by = links.keys().current().to_owned();
    let other = Links::new(service.clone(), keys(2, &[]));
    let told = other.find(rider.id, "crm", now).await.unwrap_err();
    assert_eq!(told, LinkError::NoKey { key: sealed_by.clone() });
    assert!(told.to_string().contains(&sealed_by) && told.to_string().contains("links.previous_keys"));
    assert_eq!(other.list(rider.id).await.unwrap()[0].link, None);

    let rotated = Links::new(service.clone(), keys(2, &[1]));
    assert!(rotated.find(rider.id, "crm", now).await.unwrap().is_some());
    assert_eq!(rotated.reseal(rider.id).await.unwrap(), 1);
    assert_eq!(rotated.reseal(rider.id).await.unwrap(), 0);
    let found = other.find(rider.id, "crm", now).await.unwrap().unwrap();
    assert_eq!(found.secret, Some("word".into()));
}

#[tokio::test]
async fn a_refused_link_stays_refused_until_it_is_changed() {
    let service = service();
    let rider = rider(&service, "rider").await;
    let (links, now) = (Links::new(service.clone(), keys(1, &[])), service.clock().now());
    links.set(&rider, "crm", new("anna", "old"), &Origin::operator()).await.unwrap();
    let old = links.find(rider.id, "crm", now).await.unwrap().unwrap();
    links.mark_refused(&old).await;
    assert!(links.find(rider.id, "crm", now).await.unwrap().unwrap().is_refused);
    links.set(&rider, "crm", new("anna", "new"), &Origin::operator()).await.unwrap();
    // A login that began before the change has nothing to say of the new secret.
    links.mark_refused(&old).await;
    assert!(!links.find(rider.id, "crm", now).await.unwrap().unwrap().is_refused);
}

#[tokio::test]
async fn an_account_s_end_is_that_of_its_links() {
    let service = service();
    let rider = rider(&service, "rider").await;
    let (links, now) = (Links::new(service.clone(), keys(1, &[])), service.clock().now());
    links.set(&rider, "crm", new("anna", "word"), &Origin::operator()).await.unwrap();
    assert!(links.find(rider.id, "crm", now).await.unwrap().is_some());
    service.delete(rider.id, &Origin::operator()).await.unwrap();
    assert_eq!(links.find(rider.id, "crm", now).await.unwrap(), None);
    assert_eq!(service.store().item(LINKS, &id(rider.id, "crm")).await.unwrap(), None);
}

#[tokio::test]
async fn what_cannot_be_a_link_is_not_stored() {
    let service = service();
    let rider = rider(&service, "rider").await;
    let links = Links::new(service.clone(), keys(1, &[]));
    let cases = [
        ("c/m", new("anna", "word")),
        ("", new("anna", "word")),
        ("crm", new("an\nna", "word")),
        ("crm", new("anna", "")),
        ("crm", new("anna", "two\nlines")),
        ("crm", new("anna", &"x".repeat(4097))),
        ("crm", NewLink { user: "anna".to_owned(), secret: None, number: None }),
    ];
    for (set, new) in cases {
        let told = links.set(&rider, set, new, &Origin::operator()).await;
        assert!(matches!(told, Err(LinkError::Unfit(_))), "{set}");
    }
    assert_eq!(LinkKeys::new(&Secret::new(vec![1; 31]), &[]).unwrap_err(), LinkKeyError);
}

#[test]
fn log_05_keys_and_links_print_no_secret() {
    let printed = format!("{:?} {:?}", keys(1, &[2]), new("anna", "hunter2"));
    assert!(!printed.contains("hunter2") && !printed.contains("[1, 1"), "{printed}");
}
