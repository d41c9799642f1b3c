//! Who offers what: services, their versions, the nodes that run them, and how all of that is found and watched.
//!
//! [`Registry`] is the trait of all back ends. [`Memory`] is the embedded one: leases that expire, watchers that
//! never lose a change. [`Mdns`] finds the services of the network, as go-micro does when nothing is configured;
//! [`Etcd`] is that of most go-micro deployments; [`Remote`] is that of another process,
//! [`File`] is written by hand, and [`Several`] makes one of
//! many. [`open()`] and [`nearby`] give programs without a document theirs. [`server`] offers a registry to programs of
//! any language and to go-micro's services.
//!
//! The records of [`model`] are those of go-micro, in the JSON that its peers write and read. Everything that
//! comes from outside is checked at the door by [`limits`]; [`dialable`](dialable()) says where an address may be dialled,
//! and [`guard`] keeps web pages away from a listener on loopback.
//!
//! ```
//! use mesh_registry::{Memory, Node, RegisterOptions, Registry, Service};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let registry = Memory::new();
//! let node = Node::new("greeter-1", "127.0.0.1:9090").with("protocol", "grpc");
//! registry.register(Service::new("go.micro.srv.greeter").with_node(node), RegisterOptions::default()).await.unwrap();
//! assert_eq!(registry.get("go.micro.srv.greeter").await.unwrap()[0].nodes[0].address, "127.0.0.1:9090");
//! # });
//! ```

mod announce;
mod back_off;
mod dialable;
pub mod etcd;
pub mod file;
mod known;
mod last_good;
pub use mesh_rpc::guard;
pub mod limits;
pub mod mdns;
mod memory;
pub mod model;
pub mod noted;
mod offered;
mod open;
mod protocol;
mod registry;
mod remote;
pub mod server;
mod several;
mod versions;

pub use announce::{Lease, announce};
pub use dialable::{Source, dialable};
pub use etcd::Etcd;
pub use file::File;
pub use last_good::LastGood;
pub use mdns::Mdns;
pub use memory::Memory;
pub use model::{Endpoint, Node, Service, Value};
pub use noted::Noted;
pub use offered::Offered;
pub use open::{Kind, OpenError, UnknownKind, nearby, open};
pub use registry::{
    Change, DeregisterError, Event, GetError, HeartbeatError, ListError, Origin, RegisterError, RegisterOptions,
    Registry, Unavailable, Watch, WatchError,
};
pub use remote::{InvalidAddress, Remote};
pub use several::Several;
