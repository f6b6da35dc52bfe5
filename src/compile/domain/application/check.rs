//! What can be wrong with a service.

use portolan_lang::{Diagnostic, Diagnostics, Value};

use super::service::{Kind, Service, is_dns_label, seconds, total, unsuitable_name};
use super::{Application, rollout};
use crate::compile::domain::placement::node::Effect;
use crate::compile::domain::{autoscale, quantity, unknown_word};

/// What to do about a disk that several copies would need.
const OWN_DISK: &str =
    "Use kind = \"stateful_set\", which gives each copy a disk of its own, or access = \"ReadWriteMany\".";

impl Service<'_> {
    /// Everything that is wrong with what the service says of itself.
    pub(super) fn check(&self) -> Diagnostics {
        let mut diagnostics = Diagnostics::new();
        if self.take("resources").is_null() {
            diagnostics.push(
                Diagnostic::error("Missing resources")
                    .detail(format!(
                        "It is not said what a copy of the service \"{}\" needs, so that it could starve others.",
                        self.name
                    ))
                    .at(self.span(&[]))
                    .help("Add a block: resources { cpu = \"100m\", memory = \"128Mi\" }, each on a line of its own."),
            );
        }
        for name in ["cpu", "memory", "cpu_limit", "memory_limit", "ephemeral_storage"] {
            self.check_quantity(&["resources", name], &mut diagnostics);
        }
        self.check_duration(&["grace_period"], &mut diagnostics);
        self.check_duration(&["drain"], &mut diagnostics);
        self.check_words(&["drain_by"], "Unknown way to wait", &["command", "kubelet"], &mut diagnostics);
        for name in ["period", "timeout", "startup"] {
            self.check_duration(&["health", name], &mut diagnostics);
        }
        self.check_duration(&["rollout", "timeout"], &mut diagnostics);
        self.check_words(&["rollout", "on_failure"], "Unknown failure behaviour", &rollout::FAILURES, &mut diagnostics);
        self.check_words(&["rollout", "order"], "Unknown order", &rollout::ORDERS, &mut diagnostics);
        diagnostics.keep(total(&self.value, (None, None), |path| self.span(path)));
        self.check_autoscale(&mut diagnostics);
        self.check_ports(&mut diagnostics);
        self.check_volumes(&mut diagnostics);
        self.check_health(&mut diagnostics);
        self.check_schedule(&mut diagnostics);
        self.check_disruption(&mut diagnostics);
        self.check_words(&["runtime"], "Unknown runtime", &["java"], &mut diagnostics);
        self.check_tolerations(&mut diagnostics);
        diagnostics
    }

    fn check_tolerations(&self, diagnostics: &mut Diagnostics) {
        const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
        let given = self.take("toleration");
        for toleration in given.items().unwrap_or_default() {
            let effect = toleration.get("effect").filter(|effect| !effect.is_null() && effect.is_known());
            if let Some(effect) = effect.filter(|effect| effect.as_str().and_then(Effect::parse).is_none()) {
                diagnostics
                    .push(unknown_word("Unknown effect", &effect, &EFFECTS).at(self.span(&["toleration", "effect"])));
            }
        }
    }

    fn check_autoscale(&self, diagnostics: &mut Diagnostics) {
        let block = self.take("autoscale");
        diagnostics.extend(autoscale::read(&block, &|path| self.span(path)).1);
        if !block.is_null() && !matches!(self.kind, Kind::Deployment | Kind::StatefulSet) {
            let detail = "Only the copies of a deployment or a stateful_set follow the load.";
            let problem = Diagnostic::error("Unsuitable kind").detail(detail);
            diagnostics.push(problem.at(self.span(&["autoscale"])));
        }
        if let Some(disk) = self.unshared_disks().first().filter(|_| !block.is_null() && self.kind == Kind::Deployment)
        {
            let detail = format!(
                "The number of copies changes, and the volume \"{disk}\" can be mounted by one node at a time."
            );
            let problem = Diagnostic::error("Disk that cannot be shared").detail(detail);
            diagnostics.push(problem.at(self.span(&["autoscale"])).help(OWN_DISK));
        }
    }

    fn check_schedule(&self, diagnostics: &mut Diagnostics) {
        if (self.kind == Kind::CronJob) == self.take("schedule").is_null() {
            let detail = match self.kind {
                Kind::CronJob => "A cron_job needs a \"schedule\": \"30 2 * * *\".",
                _ => "Only a cron_job has a \"schedule\".",
            };
            diagnostics.push(Diagnostic::error("Unsuitable schedule").detail(detail).at(self.span(&["schedule"])));
        }
    }

    /// One of these words, or nothing.
    fn check_words(&self, path: &[&str], summary: &str, known: &[&str], diagnostics: &mut Diagnostics) {
        let value = path.iter().try_fold(self.value.clone(), |value, name| value.get(name));
        let Some(value) = value.filter(|value| !value.is_null()) else { return };
        if !value.as_str().is_some_and(|word| known.contains(&word)) {
            diagnostics.push(unknown_word(summary, &value, known).at(self.span(path)));
        }
    }

    fn check_disruption(&self, diagnostics: &mut Diagnostics) {
        let names = ["min_available", "max_unavailable"];
        if names.iter().all(|name| !self.inner("disruption", name).is_null()) {
            diagnostics.push(
                Diagnostic::error("Unclear disruption")
                    .detail("\"disruption\" has either \"min_available\" or \"max_unavailable\".")
                    .at(self.span(&["disruption"])),
            );
        }
        for name in names {
            let value = self.inner("disruption", name);
            let is_amount = |text: &str| text.strip_suffix('%').unwrap_or(text).parse::<u16>().is_ok();
            if let Some(text) = value.as_str().filter(|text| !is_amount(text)) {
                let detail = format!("\"{text}\" is neither a number nor a share such as \"50%\".");
                let problem = Diagnostic::error("Unsuitable amount").detail(detail);
                diagnostics.push(problem.at(self.span(&["disruption", name])));
            }
        }
    }

    fn check_quantity(&self, path: &[&str], diagnostics: &mut Diagnostics) {
        let value = path.iter().try_fold(self.value.clone(), |value, name| value.get(name));
        if let Some(Err(detail)) = value.map(|value| quantity::text(&value)) {
            let problem = Diagnostic::error("Unsuitable quantity").detail(format!("{}: {detail}.", path.join(".")));
            diagnostics.push(problem.at(self.span(path)));
        }
    }

    fn check_duration(&self, path: &[&str], diagnostics: &mut Diagnostics) {
        let value = path.iter().try_fold(self.value.clone(), |value, name| value.get(name));
        if let Some(text) = value.as_ref().and_then(Value::as_str)
            && seconds(text).is_none()
        {
            let problem = Diagnostic::error("Unsuitable duration")
                .detail(format!("{}: \"{text}\" is not a duration such as \"30s\", \"5m\" or \"1h\".", path.join(".")));
            diagnostics.push(problem.at(self.span(path)));
        }
    }

    fn check_ports(&self, diagnostics: &mut Diagnostics) {
        for (name, port) in self.ports() {
            let valid_name = name.len() <= 15 && is_dns_label(&name);
            if !valid_name {
                diagnostics.push(
                    Diagnostic::error("Unsuitable port name")
                        .detail(format!("\"{name}\" cannot be the name of a port."))
                        .at(self.span(&["port", &name]))
                        .help("Use lower-case letters, digits and dashes, a letter first and at most 15 characters."),
                );
            }
            let protocols = ["TCP", "UDP", "SCTP"];
            self.check_words(&["port", &name, "protocol"], "Unknown protocol", &protocols, diagnostics);
            for (attribute, range) in [("number", 1..=65535), ("node_port", 30000..=32767)] {
                let path = ["port", &*name, attribute];
                let number = port.get(attribute).and_then(|value| value.as_number().cloned());
                if number.is_some_and(|number| !number.to_i64().is_some_and(|number| range.contains(&number))) {
                    let detail = format!("{attribute} is a whole number from {} to {}.", range.start(), range.end());
                    diagnostics.push(Diagnostic::error("Unsuitable port").detail(detail).at(self.span(&path)));
                }
            }
        }
    }

    fn check_volumes(&self, diagnostics: &mut Diagnostics) {
        let volumes = self.take("volume");
        let names = volumes.entries().into_iter().flat_map(|entries| entries.keys());
        for name in names {
            self.check_quantity(&["volume", name, "size"], diagnostics);
            let accesses = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"];
            self.check_words(&["volume", name, "access"], "Unknown access", &accesses, diagnostics);
            if !is_dns_label(name) {
                diagnostics.push(unsuitable_name("volume", name, self.span(&["volume", name])));
            }
        }
    }

    fn check_health(&self, diagnostics: &mut Diagnostics) {
        let health = self.take("health");
        if health.is_null() {
            return;
        }
        if self.inner("health", "path").is_null() == self.inner("health", "command").is_null() {
            diagnostics.push(
                Diagnostic::error("Unclear health")
                    .detail("\"health\" has either \"path\" or \"command\".")
                    .at(self.span(&["health"])),
            );
        }
        if self.inner("health", "command").is_null() {
            diagnostics.keep(self.health_port());
        }
    }

    /// The volumes that one node at a time can mount.
    fn unshared_disks(&self) -> Vec<String> {
        let volumes = self.take("volume");
        let entries = volumes.entries().into_iter().flat_map(|entries| entries.iter());
        let is_unshared = |volume: &Value| {
            let access = volume.get("access");
            access.as_ref().and_then(Value::as_str).is_some_and(|access| access.starts_with("ReadWriteOnce"))
        };
        entries.filter(|(_, volume)| is_unshared(volume)).map(|(name, _)| name.to_string()).collect()
    }
}

impl Application<'_> {
    /// Several copies in a cluster cannot mount a disk that one node at a time can. The copies of a
    /// stateful set have a disk each.
    pub(super) fn check_disks(&self) -> Diagnostics {
        let mut diagnostics = Diagnostics::new();
        for service in self.services.iter().filter(|service| service.kind != Kind::StatefulSet) {
            let most = (0..self.clusters.len()).map(|at| self.copies(&service.name, at)).max().unwrap_or(0);
            let copies = match service.kind.is_everywhere() {
                true => "A daemon_set has a copy on every node".to_owned(),
                false if most > 1 => format!("A cluster gets {most} copies of the service \"{}\"", service.name),
                false => continue,
            };
            for name in service.unshared_disks() {
                diagnostics.push(
                    Diagnostic::error("Disk that cannot be shared")
                        .detail(format!("{copies}, and the volume \"{name}\" can be mounted by one node at a time."))
                        .at(service.span(&["volume", &name]))
                        .help(OWN_DISK),
                );
            }
        }
        diagnostics
    }
}
