//! What a resource that is nothing but its properties is shown as.

use super::system_data::SystemData;
use serde::Serialize;

/// A resource, as shown.
#[derive(Serialize)]
pub(crate) struct Resource<P> {
    pub id: String,
    pub name: String,
    pub r#type: &'static str,
    pub properties: P,
    #[serde(rename = "systemData")]
    pub system_data: SystemData,
}
