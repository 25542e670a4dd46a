//! Whether anybody would be offered a release: a version is offered to those who have a lower one.

use esky_format::version::compare;
use esky_trust::{PackageKind, Release};

use super::error::{RepositoryError, RepositoryResult};
use super::state::State;

/// Fails if copies with the newest version that is offered would not be offered this one, or if nobody could install it.
///
/// `allow_older` lets a release be lower than others, for copies that have still older versions.
pub(super) fn check(state: &State, release: &Release, allow_older: bool) -> RepositoryResult<()> {
    let targets = state.targets().targets.iter();
    let known = targets.filter_map(|(path, file)| Release::read(path, file).ok().flatten());
    let known: Vec<Release> = known
        .filter(|known| known.is_for(release.wanted()))
        .collect();
    check_minimum(&known, release)?;
    let others = known
        .iter()
        .filter(|known| known.kind == PackageKind::Full && known.version != release.version);
    let order = |one: &&Release, other: &&Release| compare(&one.version, &other.version);
    let same = others
        .clone()
        .find(|known| compare(&known.version, &release.version).is_eq());
    let newest = others.filter(|known| known.yanked.is_none()).max_by(order);
    let newer = newest.filter(|newest| compare(&newest.version, &release.version).is_gt());
    let in_the_way = match allow_older {
        true => same,
        false => same.or(newer),
    };
    let Some(found) = in_the_way else {
        return Ok(());
    };
    Err(RepositoryError::NotNewer {
        version: release.version.clone(),
        released: found.version.clone(),
        same: same.is_some(),
        channel: release.channel.clone(),
        platform: release.platform.clone(),
    })
}

/// A minimum that was said once holds, also if it was said of a version that was withdrawn since.
fn check_minimum(known: &[Release], release: &Release) -> RepositoryResult<()> {
    let minima = known.iter().chain([release]);
    let minima = minima.filter_map(|release| release.minimum_version.as_ref());
    let minimum = minima.max_by(|one, other| compare(one, other));
    match minimum.filter(|minimum| compare(&release.version, minimum).is_lt()) {
        None => Ok(()),
        Some(minimum) => Err(RepositoryError::BelowMinimum {
            version: release.version.clone(),
            minimum: minimum.clone(),
            channel: release.channel.clone(),
        }),
    }
}
