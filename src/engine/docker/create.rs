//! The request that makes a container. Pure, so that it can be read and tested as data.

use std::path::Path;

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountType,
    ResourcesUlimits,
};

use crate::engine::spec::{Network, Spec};

/// Where the supervisor is seen inside.
pub(super) const SUPERVISOR: &str = "/.sam-rs/supervisor";
/// Where the directory of the socket is seen inside.
pub(super) const CHANNEL: &str = "/.sam-rs/channel";

/// Files of this machine that the engine mounts; none where they are copied in instead.
pub(super) struct Mounts<'a> {
    pub(super) supervisor: &'a Path,
    pub(super) channel: Option<&'a Path>,
}

/// The request's body.
pub(super) fn body(spec: &Spec, mounts: Option<&Mounts<'_>>) -> ContainerCreateBody {
    let port = spec.port.unwrap_or(0);
    ContainerCreateBody {
        image: Some(spec.image.clone()),
        user: spec.user.clone(),
        // An entry point of ours drops the image's command; both go to the supervisor with the process to start.
        entrypoint: Some(vec![SUPERVISOR.to_owned(), port.to_string()]),
        cmd: Some(Vec::new()),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        open_stdin: Some(true),
        // The end of this process is the end of the supervisor's input.
        stdin_once: Some(true),
        tty: Some(false),
        healthcheck: Some(HealthConfig {
            test: Some(vec!["NONE".to_owned()]),
            ..HealthConfig::default()
        }),
        labels: Some(spec.labels.clone().into_iter().collect()),
        host_config: Some(host_config(spec, mounts)),
        ..ContainerCreateBody::default()
    }
}

fn host_config(spec: &Spec, mounts: Option<&Mounts<'_>>) -> HostConfig {
    let memory = spec
        .memory_mb
        .and_then(|mb| i64::try_from(mb * 1024 * 1024).ok());
    HostConfig {
        auto_remove: Some(true),
        // The supervisor does the work of an init process.
        init: Some(false),
        memory,
        // Equal to the memory limit: unset, the engine allows as much again in swap.
        memory_swap: memory,
        nano_cpus: spec
            .milli_cpus
            .and_then(|milli| i64::try_from(milli * 1_000_000).ok()),
        ulimits: spec.open_files.map(|files| {
            vec![ResourcesUlimits {
                name: Some("nofile".to_owned()),
                soft: Some(files.into()),
                hard: Some(files.into()),
            }]
        }),
        // The output comes through the channel.
        log_config: Some(HostConfigLogConfig {
            typ: Some("none".to_owned()),
            config: None,
        }),
        security_opt: Some(security(spec)),
        cap_add: spec.tracing.then(|| vec!["SYS_PTRACE".to_owned()]),
        network_mode: Some(
            match spec.network {
                Network::None => "none",
                Network::Host => "host",
                // A further network is connected before the start: older engines take only one here.
                Network::Default | Network::Named(_) => "default",
            }
            .to_owned(),
        ),
        extra_hosts: (!spec.hosts.is_empty()).then(|| spec.hosts.clone()),
        dns: (!spec.dns.is_empty()).then(|| spec.dns.clone()),
        mounts: mounts.map(|mounts| mount_list(spec, mounts)),
        ..HostConfig::default()
    }
}

fn security(spec: &Spec) -> Vec<String> {
    // User code must stay readable inside without being relabelled.
    let mut options = vec!["label=disable".to_owned()];
    if spec.tracing {
        options.push("seccomp=unconfined".to_owned());
    }
    options
}

/// Mounts, not binds: a bind makes a missing source, as root.
fn mount_list(spec: &Spec, mounts: &Mounts<'_>) -> Vec<Mount> {
    let read_only = |source: &Path, target: &str| Mount {
        typ: Some(MountType::BIND),
        source: Some(source.to_string_lossy().into_owned()),
        target: Some(target.to_owned()),
        read_only: Some(true),
        ..Mount::default()
    };
    let content = spec
        .content
        .iter()
        .map(|content| read_only(&content.source, &content.target));
    let own = [
        Some(read_only(mounts.supervisor, SUPERVISOR)),
        mounts.channel.map(|path| read_only(path, CHANNEL)),
    ];
    content.chain(own.into_iter().flatten()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Content, Transport};

    fn spec() -> Spec {
        Spec {
            name: "sam-rs-1".into(),
            image: "public.ecr.aws/lambda/python:3.11".into(),
            architecture: None,
            memory_mb: Some(128),
            milli_cpus: None,
            user: None,
            open_files: Some(1024),
            hosts: Vec::new(),
            dns: Vec::new(),
            network: Network::Default,
            content: vec![Content {
                source: "/work/src".into(),
                target: "/var/task".into(),
            }],
            labels: [("sam.cli.container.type".to_owned(), "lambda".to_owned())].into(),
            transport: Transport::Auto,
            port: Some(9001),
            tracing: false,
        }
    }

    #[test]
    fn the_request_is_as_designed() {
        let mounts = Mounts {
            supervisor: Path::new("/cache/supervisor"),
            channel: Some(Path::new("/run/x")),
        };
        let body = serde_json::to_string_pretty(&body(&spec(), Some(&mounts))).unwrap();
        insta::assert_snapshot!(body);
    }

    #[test]
    fn a_debugger_may_trace() {
        let body = body(
            &Spec {
                tracing: true,
                ..spec()
            },
            None,
        );
        let host = body.host_config.unwrap();
        assert_eq!(host.cap_add.unwrap(), ["SYS_PTRACE"]);
        assert_eq!(
            host.security_opt.unwrap(),
            ["label=disable", "seccomp=unconfined"]
        );
    }

    #[test]
    fn a_shared_network_gets_any_free_port_and_copied_files_no_mounts() {
        let body = body(
            &Spec {
                network: Network::Host,
                memory_mb: None,
                port: None,
                ..spec()
            },
            None,
        );
        assert_eq!(body.entrypoint.unwrap()[1], "0");
        let host = body.host_config.unwrap();
        assert_eq!(
            (host.network_mode.as_deref(), host.mounts, host.memory),
            (Some("host"), None, None)
        );
    }
}
