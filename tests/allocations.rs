//! What `cargo bench --bench allocations` counts holds in every plain test run too.

#[path = "../benches/allocations/counts.rs"]
mod counts;
#[path = "../benches/allocations/rows.rs"]
mod rows;
#[expect(dead_code, reason = "benches measure more of it")]
#[path = "../benches/world/mod.rs"]
mod world;

#[test]
fn known_credentials_and_refusals_cost_no_allocation() {
    let counts = rows::counts();
    let broken: Vec<_> = counts.iter().filter(|count| !count.fits()).map(ToString::to_string).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(counts.iter().any(|count| count.taken > 0), "the count counts");
}
