//! Tells a running service that a checkout has changed: what git hooks do.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::registry::Registry;
use crate::running;

/// How long one service may take; afterwards the caller does it by itself.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the services of this data folder that run to bring the checkout at `root`
/// up to date; `true` when one took it. One that asks for a token is not told.
pub fn tell(home: &Path, root: &Path) -> bool {
    let addresses = running::addresses(home);
    if addresses.is_empty() {
        return false;
    }
    let roots = Registry::new(home).load().unwrap_or_default();
    let Some((name, _)) = roots.into_iter().find(|(_, one)| one == root) else {
        return false;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else {
        return false;
    };
    runtime.block_on(async {
        for address in addresses {
            let told = timeout(PATIENCE, ask(reached_at(address), &name)).await;
            match told {
                Ok(Ok(StatusCode::ACCEPTED)) => return true,
                other => tracing::debug!(%address, ?other, "the service does not take it"),
            }
        }
        false
    })
}

/// Where a service is reached from here that listens everywhere.
fn reached_at(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

async fn ask(address: SocketAddr, name: &str) -> Result<StatusCode, Box<dyn std::error::Error>> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Names are plain by the registry's rule.
    let request = Request::post(format!("/v1/repos/{name}/index"))
        .header(header::HOST, address.to_string())
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from("{}"))?;
    let answer = async { Ok(sender.send_request(request).await?.status()) };
    tokio::select! {
        status = answer => status,
        ended = connection => Err(ended.err().map_or_else(|| "it hung up".into(), Into::into)),
    }
}
