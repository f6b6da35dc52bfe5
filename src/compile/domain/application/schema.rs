//! What an application may say.

use portolan_lang::{Attribute, Block as Nested, Schema, Type, Value};

use crate::compile::domain::autoscale;

fn optional(name: &'static str, ty: Type, doc: &'static str) -> Attribute {
    Attribute::optional(name, ty).doc(doc)
}

fn text(name: &'static str, doc: &'static str) -> Attribute {
    optional(name, Type::String, doc)
}

fn switch(name: &'static str, default: bool, doc: &'static str) -> Attribute {
    optional(name, Type::Bool, doc).default(Value::bool(default))
}

/// The attributes and blocks of `application`.
pub(super) fn application() -> Schema {
    let external = Schema::new("Machines outside of the clusters that belong to the application.").with(
        Attribute::required("addresses", Type::list(Type::String))
            .doc("Address and port of each: \"192.0.2.10:8080\"."),
    );
    Schema::new("Services that belong together, and where they run.")
        .with(text("namespace", "The namespace in every cluster; the application's name if not given."))
        .with(optional("labels", Type::map(Type::String), "Labels of all its objects."))
        .with(switch("network_policy", true, "Whether only declared connections are let through."))
        .block(Nested::single("placement", placement()))
        .block(Nested::named("external", external))
        .block(Nested::named("service", service()))
}

fn placement() -> Schema {
    let groups = Schema::new("Over how many regions or clusters replicas are spread.")
        .with(optional(
            "min_groups",
            Type::Number,
            "Over how many at least, as far as there are replicas; 1 if not given.",
        ))
        .with(optional("max_groups", Type::Number, "Over how many at most; over all if not given."));
    let table = |name, doc| optional(name, Type::map(Type::Number), doc);
    Schema::new("In which clusters the services run, and how their replicas are divided.")
        .with(optional("clusters", Type::Any, "The clusters: [cluster.NAME, …]; all of the module if not given."))
        .with(optional("exclude", Type::Any, "Clusters that are left out: [cluster.NAME, …]."))
        .with(optional("regions", Type::list(Type::String), "Only clusters of these regions."))
        .with(optional("labels", Type::map(Type::String), "Only clusters with these labels."))
        .with(text("strategy", "free_capacity, weighted, duplicated or single; free_capacity if not given."))
        .with(table("weights", "For \"weighted\": the share of each cluster, by name."))
        .with(optional("min_per_cluster", Type::Number, "How many replicas each cluster gets before shares count."))
        .with(optional("max_per_cluster", Type::Number, "How many replicas a cluster gets at most."))
        .with(table("min_replicas", "The minimum of single clusters, by name, in place of \"min_per_cluster\"."))
        .with(table("max_replicas", "The maximum of single clusters, by name, in place of \"max_per_cluster\"."))
        .block(Nested::named("spread", groups))
}

fn service() -> Schema {
    Schema::new("A program that runs in some number of copies.")
        .with(
            text("kind", "deployment, stateful_set, daemon_set, job or cron_job.").default(Value::string("deployment")),
        )
        .with(Attribute::required("image", Type::String).doc("The container image."))
        .with(optional("replicas", Type::Number, "How many copies over all clusters.").default(Value::number(1)))
        .with(optional("command", Type::list(Type::String), "What is run in place of the image's own command."))
        .with(optional("args", Type::list(Type::String), "The arguments of the command."))
        .with(optional("env", Type::map(Type::String), "Environment variables."))
        .with(
            optional("secret", Type::map(Type::String), "Environment variables that are kept in a Secret.").sensitive(),
        )
        .with(optional("config", Type::map(Type::String), "Files by name, kept in a ConfigMap."))
        .with(text("config_path", "Where the files are mounted.").default(Value::string("/etc/config")))
        .with(text("runtime", "\"java\" sizes the heap from the memory limit."))
        .with(
            Attribute::references("depends_on").doc("Services that are ready before this one starts: [service.NAME]."),
        )
        .with(
            Attribute::references("connects")
                .doc("Services and externals that this one calls; may go round in circles."),
        )
        .with(text("schedule", "For a cron_job: when it runs, \"30 2 * * *\"."))
        .with(optional("retries", Type::Number, "For a job: how often it is tried again.").default(Value::number(3)))
        .with(text("grace_period", "How long it may take to stop.").default(Value::string("30s")))
        .with(text(
            "drain",
            "How long a copy goes on answering once it is told to stop, before it hears of it: \"5s\".",
        ))
        .with(
            text(
                "drain_by",
                "Who waits for so long: \"command\", the image's own sleep, or \"kubelet\", from Kubernetes 1.30 on.",
            )
            .default(Value::string("command")),
        )
        .with(optional("labels", Type::map(Type::String), "Labels of its objects and pods."))
        .with(optional("annotations", Type::map(Type::String), "Annotations of its pods."))
        .with(optional("node_selector", Type::map(Type::String), "Labels that its nodes must have."))
        .with(switch("anti_affinity", true, "Whether its pods are spread over nodes where possible."))
        .with(switch("service_account_token", false, "Whether its pods may talk to the API server."))
        .with(switch("hardened", true, "Whether privileges cannot be gained and system calls are filtered."))
        .block(Nested::named("port", port()))
        .block(Nested::single("health", health()))
        .block(Nested::single("resources", resources()))
        .block(Nested::list("toleration", toleration()))
        .block(Nested::single("autoscale", autoscale::schema()))
        .block(Nested::single("placement", placement()))
        .block(Nested::named("volume", volume()))
        .block(Nested::single("disruption", disruption()))
        .block(Nested::single("rollout", super::rollout::schema()))
}

fn port() -> Schema {
    Schema::new("A port that the service listens on.")
        .with(Attribute::required("number", Type::Number).doc("The port."))
        .with(text("protocol", "TCP, UDP or SCTP.").default(Value::string("TCP")))
        .with(optional("node_port", Type::Number, "The port of every node that leads to it, 30000 to 32767."))
}

fn health() -> Schema {
    Schema::new("How it is found out whether a copy is ready and alive.")
        .with(text("path", "An HTTP path that answers with 2xx or 3xx."))
        .with(text("port", "The name of the port that is asked; not needed where there is one."))
        .with(optional("command", Type::list(Type::String), "A command that succeeds, in place of a path."))
        .with(text("period", "The time between two looks.").default(Value::string("10s")))
        .with(text("timeout", "How long an answer may take.").default(Value::string("2s")))
        .with(
            text("startup", "How long it may take until it is ready for the first time.").default(Value::string("5m")),
        )
}

fn resources() -> Schema {
    Schema::new("What each copy needs.")
        .with(Attribute::required("cpu", Type::String).doc("Processors that are reserved: \"500m\"."))
        .with(Attribute::required("memory", Type::String).doc("Memory that is reserved, and the limit: \"1Gi\"."))
        .with(text("cpu_limit", "Processors that it gets at most; no limit if not given."))
        .with(text("memory_limit", "Memory that it gets at most, in place of \"memory\"."))
        .with(text("ephemeral_storage", "Local disk that it may fill.").default(Value::string("10Gi")))
}

fn toleration() -> Schema {
    Schema::new("A taint of nodes that its pods do not mind.")
        .with(text("key", "The key of the taint; every taint if not given."))
        .with(text("value", "Its value; every value if not given."))
        .with(text("effect", "NoSchedule, PreferNoSchedule or NoExecute; all of them if not given."))
}

fn volume() -> Schema {
    Schema::new("Disk that outlives a copy.")
        .with(Attribute::required("path", Type::String).doc("Where it is mounted."))
        .with(Attribute::required("size", Type::String).doc("How large it is: \"5Gi\"."))
        .with(text("storage_class", "The kind of disk; the cluster's default if not given."))
        .with(text("access", "ReadWriteOnce, ReadOnlyMany or ReadWriteMany.").default(Value::string("ReadWriteOnce")))
}

fn disruption() -> Schema {
    Schema::new("How many copies of a cluster may be missing while nodes are drained.")
        .with(text("min_available", "How many stay, a number or a share such as \"50%\"."))
        .with(text("max_unavailable", "How many may be missing; 1 if neither is given."))
}
