//! A router's own place in the network: what is run or opened there leaves by its routes, not by
//! those of the machine's edge.

use crate::process::{within, words};
use meetme_model::inventory::RouterAccess;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use socket2::{Domain, Socket, Type};
use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::path::Path;
use tokio::net::{TcpSocket, UdpSocket};

/// Where `ip netns` keeps namespaces by name.
const NETNS_DIR: &str = "/run/netns";
/// Time to live of what neighbours take from each other only (RFC 5082, RFC 5881 §5).
const TTL_OF_NEIGHBOURS: u32 = 255;

/// Where a router is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    netns: Option<String>,
    loopback: Ipv4Addr,
}

impl Place {
    /// A router's place, as its inventory entry says.
    pub fn of(access: &RouterAccess) -> Self {
        Self { netns: access.management.netns().map(str::to_owned), loopback: access.loopback }
    }

    /// The address that what goes to `destination` comes from; `None`: the router chooses, as its
    /// loopback is of the other family.
    pub fn source(&self, destination: IpAddr) -> Option<IpAddr> {
        destination.is_ipv4().then_some(IpAddr::V4(self.loopback))
    }

    /// The router's loopback address.
    pub fn loopback(&self) -> Ipv4Addr {
        self.loopback
    }

    /// A tool's command line as it is run here: its options, the option that sets the source, and
    /// the destination. All of them are typed or constant, so none can be taken for another.
    pub fn command(&self, tool: &[&str], source_option: &str, destination: IpAddr) -> Vec<String> {
        let mut command = words(tool.iter().copied());
        if let Some(source) = self.source(destination) {
            command.extend([source_option.to_owned(), source.to_string()]);
        }
        command.push(destination.to_string());
        within(self.netns.as_deref(), command)
    }

    /// A TCP socket that is here and bound to the source for `destination`.
    ///
    /// # Errors
    /// The namespace can't be entered, or the source address isn't on the router.
    pub async fn tcp_socket(&self, destination: IpAddr) -> io::Result<TcpSocket> {
        let domain = if destination.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
        let socket = TcpSocket::from_std_stream(self.socket(domain, Type::STREAM).await?.into());
        if let Some(source) = self.source(destination) {
            socket.bind(SocketAddr::new(source, 0))?;
        }
        Ok(socket)
    }

    /// A TCP socket that is here, bound to an address, and of use with GTSM (RFC 5082).
    ///
    /// # Errors
    /// The namespace can't be entered, or the address isn't on the machine.
    pub async fn tcp_socket_from(&self, source: Ipv4Addr) -> io::Result<TcpSocket> {
        let socket = self.socket(Domain::IPV4, Type::STREAM).await?;
        socket.set_ttl_v4(TTL_OF_NEIGHBOURS)?;
        socket.bind(&SocketAddr::from((source, 0)).into())?;
        Ok(TcpSocket::from_std_stream(socket.into()))
    }

    /// A UDP socket that is here, bound beside those that have the port on all addresses, and of use with GTSM.
    ///
    /// # Errors
    /// The namespace can't be entered, the address isn't on the machine, or somebody has it for himself.
    pub async fn udp_socket(&self, source: SocketAddr) -> io::Result<UdpSocket> {
        let socket = self.socket(Domain::IPV4, Type::DGRAM).await?;
        socket.set_ttl_v4(TTL_OF_NEIGHBOURS)?;
        socket.set_reuse_address(true)?;
        socket.bind(&source.into())?;
        UdpSocket::from_std(socket.into())
    }

    async fn socket(&self, domain: Domain, kind: Type) -> io::Result<Socket> {
        match &self.netns {
            Some(netns) => socket_within(netns.clone(), domain, kind).await,
            None => new_socket(domain, kind),
        }
    }
}

fn new_socket(domain: Domain, kind: Type) -> io::Result<Socket> {
    let socket = Socket::new(domain, kind, None)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A socket stays in the namespace that it was made in, so a thread that enters it and ends at
/// once is all that it takes: no other thread is ever anywhere else.
async fn socket_within(netns: String, domain: Domain, kind: Type) -> io::Result<Socket> {
    let (made, socket) = tokio::sync::oneshot::channel();
    std::thread::Builder::new().name("netns".into()).spawn(move || {
        let enter = || {
            let path = Path::new(NETNS_DIR).join(&netns);
            let said = |error: io::Error| {
                io::Error::new(error.kind(), format!("can't enter namespace {}: {error}", path.display()))
            };
            let namespace = File::open(&path).map_err(said)?;
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
                .map_err(|error| said(error.into()))?;
            new_socket(domain, kind)
        };
        // Nobody waits for it any more: the socket closes.
        let _ = made.send(enter());
    })?;
    socket.await.map_err(|_| io::Error::other("the thread that makes the socket ended"))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use meetme_model::inventory::{LagBackend, Management};

    fn place(netns: Option<&str>) -> Place {
        let lag = LagBackend::Bonding { netns: netns.map(str::to_owned) };
        let management =
            Management::Frr { vty_dir: "/x".into(), lag, bmp_source: Ipv4Addr::LOCALHOST.into() };
        let loopback = Ipv4Addr::new(198, 18, 255, 11);
        Place::of(&RouterAccess { router: "er1".into(), loopback, management })
    }

    #[test]
    fn a_tool_is_run_on_the_router_and_asks_from_its_loopback() {
        let command =
            |place: Place, to: &str| place.command(&["ping", "-n"], "-I", to.parse().unwrap()).join(" ");
        assert_eq!(command(place(None), "192.0.2.1"), "ping -n -I 198.18.255.11 192.0.2.1");
        assert_eq!(command(place(Some("er1")), "2001:db8::1"), "ip netns exec er1 ping -n 2001:db8::1");
    }

    #[tokio::test]
    async fn a_namespace_that_is_not_there_is_named() {
        let missing = place(Some("no-such-router")).tcp_socket(Ipv4Addr::LOCALHOST.into()).await;
        let said = missing.unwrap_err().to_string();
        assert!(said.contains("/run/netns/no-such-router"), "{said}");
    }
}
