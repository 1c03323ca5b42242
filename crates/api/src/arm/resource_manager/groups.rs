//! Resource groups. One that a resource is put into comes into being with it; one with resources
//! in it isn't deleted.

use super::list_query::{Expanded, ListQuery, Row};
use super::search::{Kind, Search};
use crate::arm::peerings::leaving;
use crate::arm::tags;
use crate::call::{Answer, Call, deleted, ok, written};
use crate::error::ApiError;
use crate::page::position;
use meetme_model::region::{check_region, region_key};
use meetme_model::resource_group::ResourceGroup;
use meetme_model::{Violation, Violations};
use meetme_store::{
    Db, GroupResource, ResourceRef, StoreError, Tx, resource_group_add, resource_group_content,
    resource_group_delete, resource_group_get, resource_group_lock, resource_group_update,
    resource_groups_list,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

const TYPE: &str = "Microsoft.Resources/resourceGroups";
/// Resources named when a group with content isn't deleted.
const NAMED: u32 = 20;

#[derive(Deserialize)]
struct Sent {
    location: Option<String>,
    tags: Option<BTreeMap<String, String>>,
}

#[derive(Serialize)]
struct Shown {
    id: String,
    name: String,
    r#type: &'static str,
    location: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
    properties: Properties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    provisioning_state: &'static str,
}

impl From<ResourceGroup> for Shown {
    fn from(group: ResourceGroup) -> Self {
        Self {
            id: id(&group),
            name: group.name,
            r#type: TYPE,
            location: group.location,
            tags: group.tags,
            properties: Properties { provisioning_state: "Succeeded" },
        }
    }
}

fn id(group: &ResourceGroup) -> String {
    format!("/subscriptions/{}/resourceGroups/{}", group.subscription, group.name)
}

/// Answers a page of the subscription's groups, as far as they are asked for.
pub(super) async fn list(call: Call) -> Answer {
    let query = ListQuery::of(&call)?;
    let mut search = Search::new(&call, &query);
    let mut db = call.state.store.read().await?;
    let mut groups = search.read(&LISTED, position(&call)?);
    while let Some(page) = groups.next() {
        groups.take(resource_groups_list(&mut db, call.subscription(), &page).await?);
    }
    ok(search.page())
}

static LISTED: Kind<ResourceGroup, Listed> = Kind {
    prefix: "",
    key: |group| group.name.to_ascii_lowercase(),
    row: |group| Row {
        group: &group.name,
        name: &group.name,
        location: &group.location,
        kind: TYPE,
        tags: &group.tags,
    },
    show: |group, query| Listed { expanded: query.expanded(&group.stamp, "Succeeded"), shown: group.into() },
};

/// A group in a list.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    shown: Shown,
    #[serde(flatten)]
    expanded: Expanded,
}

/// Answers one group.
pub(super) async fn get(call: Call) -> Answer {
    let mut db = call.state.store.read().await?;
    let found = find(&call, &mut db).await?.ok_or_else(|| missing(&call))?;
    call.tagged(&found.stamp.clone(), ok(Shown::from(found)))
}

/// Creates (201) or changes (200) a group.
pub(super) async fn put(call: Call) -> Answer {
    let sent: Sent = call.json()?;
    let tags = tags::check(sent.tags)?.unwrap_or_default();
    let mut tx = call.state.store.begin().await?;
    let existing = lock(&call, &mut tx).await?;
    call.check_conditions(existing.as_ref().map(|g| &g.stamp))?;
    let mut v = Violations::default();
    let had = existing.as_ref().map(|g| g.location.as_str());
    let location = check_region(sent.location.as_deref(), had, &mut v);
    v.into_result(())?;
    let created = existing.is_none();
    let kept = match existing {
        None => {
            let new = new(&call, location, tags);
            if !resource_group_add(&mut tx, &new).await? {
                return Err(ApiError::conflict(
                    "ResourceGroupNameTaken",
                    "another request made this group at the same moment; read it and repeat",
                ));
            }
            new
        }
        Some(mut group) => {
            if !group.location.is_empty() && group.location != location {
                return Err(ApiError::conflict(
                    "InvalidResourceGroupLocation",
                    format!("the group's location is {} and can't be changed", group.location),
                )
                .target("location"));
            }
            (group.location, group.tags) = (location, tags);
            group.stamp.change(&call.principal.name, call.now);
            resource_group_update(&mut tx, &group).await?;
            group
        }
    };
    audit(&call, &mut tx, "resourceGroups/write", &kept).await?;
    tx.commit().await?;
    call.tagged(&kept.stamp.clone(), written(created, Shown::from(kept)))
}

/// Replaces a group's tags.
pub(super) async fn patch(call: Call) -> Answer {
    let tags = tags::check(call.json::<Sent>()?.tags)?;
    let mut tx = call.state.store.begin().await?;
    let mut group = lock(&call, &mut tx).await?.ok_or_else(|| missing(&call))?;
    call.check_conditions(Some(&group.stamp))?;
    if let Some(tags) = tags {
        group.tags = tags;
        group.stamp.change(&call.principal.name, call.now);
        resource_group_update(&mut tx, &group).await?;
        audit(&call, &mut tx, "resourceGroups/write", &group).await?;
    }
    tx.commit().await?;
    call.tagged(&group.stamp.clone(), ok(Shown::from(group)))
}

/// Deletes an empty group: 204 when there is none, 409 when something is in it.
pub(super) async fn delete(call: Call) -> Answer {
    let mut tx = call.state.store.begin().await?;
    let found = lock(&call, &mut tx).await?;
    call.check_conditions(found.as_ref().map(|g| &g.stamp))?;
    let Some(group) = found else {
        return deleted(false);
    };
    let content = resource_group_content(&mut tx, &group.subscription, &group.name, NAMED).await?;
    if !content.is_empty() {
        let mut error = ApiError::conflict(
            "ResourceGroupNotEmpty",
            "the group has resources in it; delete them first, each on its own",
        );
        error.details = content.iter().map(in_group).collect();
        let deleting = |resource: GroupResource| match resource {
            GroupResource::Peering { name, deleting: true } => Some(ResourceRef {
                subscription: group.subscription.clone(),
                resource_group: group.name.clone(),
                name,
            }),
            GroupResource::Peering { .. } | GroupResource::PeeringService { .. } => None,
        };
        let all_deleting: Option<Vec<ResourceRef>> = content.into_iter().map(deleting).collect();
        return Err(match all_deleting {
            Some(peerings) => leaving::with_retry_hint(&call, &mut tx, error, &peerings).await?,
            None => error,
        });
    }
    resource_group_delete(&mut tx, &group.subscription, &group.name).await?;
    audit(&call, &mut tx, "resourceGroups/delete", &group).await?;
    tx.commit().await?;
    deleted(true)
}

fn in_group(resource: &GroupResource) -> Violation {
    let target = match resource {
        GroupResource::Peering { name, .. } => format!("peerings/{name}"),
        GroupResource::PeeringService { name } => format!("peeringServices/{name}"),
    };
    Violation { code: "ResourceInGroup".into(), message: format!("{target} is in this group"), target }
}

/// Has the group of a resource that is being created be there.
pub(crate) async fn ensure(call: &Call, tx: &mut Tx, region: &str) -> Result<(), ApiError> {
    let group = new(call, region_key(region), BTreeMap::new());
    if resource_group_add(tx, &group).await? {
        audit(call, tx, "resourceGroups/write", &group).await?;
    } else if lock(call, tx).await?.is_none() {
        // It was deleted in this very moment.
        return Err(StoreError::Busy.into());
    }
    Ok(())
}

fn new(call: &Call, location: String, tags: BTreeMap<String, String>) -> ResourceGroup {
    ResourceGroup {
        subscription: call.subscription().to_owned(),
        name: call.resource_group().to_owned(),
        location,
        tags,
        stamp: call.stamp(),
    }
}

async fn find(call: &Call, db: &mut impl Db) -> Result<Option<ResourceGroup>, ApiError> {
    Ok(resource_group_get(db, call.subscription(), call.resource_group()).await?)
}

async fn lock(call: &Call, tx: &mut Tx) -> Result<Option<ResourceGroup>, ApiError> {
    Ok(resource_group_lock(tx, call.subscription(), call.resource_group()).await?)
}

fn missing(call: &Call) -> ApiError {
    let mut error = ApiError::not_found("resource group", call.resource_group());
    error.code = "ResourceGroupNotFound".into();
    error
}

async fn audit(call: &Call, tx: &mut Tx, action: &str, group: &ResourceGroup) -> Result<(), ApiError> {
    let detail = json!({ "location": group.location, "tags": group.tags });
    call.audit(tx, action, &id(group), detail).await
}
