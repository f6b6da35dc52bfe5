//! Families of custom resources, as a table: where their objects report, and what the words
//! that they report in mean.
//!
//! The facts were taken from the documentation of the APIs, and are checked against Argo CD's
//! assessments of the same kinds.

use super::evidence::Sign;
use super::{State, words};
use State::{Degraded, Progressing, Ready, Suspended};

/// How the objects of some API groups report.
#[derive(Debug)]
pub(super) struct Family {
    /// The groups, each with all groups below it: `crossplane.io` is `pkg.crossplane.io` too.
    groups: &'static [&'static str],
    /// The kinds; none for all.
    kinds: &'static [&'static str],
    /// Where the conditions stand.
    pub(super) conditions_at: &'static [&'static str],
    /// The conditions all of which have to be true, where they are there; `None` for the usual
    /// ones, none where a condition can only say that something is wrong.
    pub(super) ready: Option<&'static [&'static str]>,
    /// Whether a condition that is older than the object does not count yet. It does where several controllers tell
    /// theirs, of which one may be gone.
    pub(super) counts_age: bool,
    /// Conditions that say that the others do not count yet.
    pub(super) busy: &'static [&'static str],
    /// What it means that an expected condition is false without a telling reason.
    pub(super) while_false: State,
    /// The strictest that such a condition can mean.
    pub(super) at_worst: State,
    /// Where the phase stands; `None` for the usual places.
    pub(super) phases_at: Option<&'static [&'static str]>,
    /// Phases that mean something else here, or are not usual.
    phases: &'static [(&'static str, State)],
    /// What else has to be so.
    pub(super) signs: &'static [Sign],
    /// What it means that nothing is reported.
    pub(super) without_status: State,
}

impl Family {
    /// What a phase means.
    pub(super) fn says(&self, phase: &str) -> Option<State> {
        let own = self.phases.iter().find(|(word, _)| *word == phase);
        own.map(|(_, state)| *state).or_else(|| words::phase(phase))
    }

    /// What a sentence means that begins with a phase: `ERROR, it cannot be found`.
    pub(super) fn says_first(&self, sentence: &str) -> Option<State> {
        self.says(&words::first(sentence)).filter(|state| *state != State::Unknown)
    }

    fn is_of(&self, group: &str, kind: &str) -> bool {
        let is_below = |of: &str| group.strip_suffix(of).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        (self.kinds.is_empty() || self.kinds.contains(&kind)) && self.groups.iter().any(|of| is_below(of))
    }
}

/// The family of a kind.
pub(super) fn of(group: &str, kind: &str) -> &'static Family {
    FAMILIES.iter().find(|family| family.is_of(group, kind)).unwrap_or(&STRANGER)
}

const CONDITIONS: &[&str] = &["status/conditions"];

/// Controllers that report a status on each of their objects, in the usual way. A condition that
/// is false says that something is wrong.
const USUAL: Family = Family {
    groups: &[],
    kinds: &[],
    conditions_at: CONDITIONS,
    ready: None,
    counts_age: true,
    busy: &[],
    while_false: Degraded,
    at_worst: Degraded,
    phases_at: None,
    phases: &[],
    signs: &[],
    without_status: Progressing,
};

/// A kind that nothing is known of. It may have no controller at all; and kstatus's rule is that
/// `Ready` is false while it is on its way.
const STRANGER: Family = Family { while_false: Progressing, at_worst: Progressing, without_status: Ready, ..USUAL };

const FAMILIES: &[Family] = &[
    Family {
        groups: &["argoproj.io"],
        kinds: &["AnalysisRun", "Experiment", "Workflow"],
        phases_at: Some(&["status/phase"]),
        phases: &[("running", Progressing)],
        ..USUAL
    },
    Family {
        groups: &["argoproj.io"],
        kinds: &["ApplicationSet"],
        busy: &["RolloutProgressing"],
        ready: Some(&["ParametersGenerated", "ResourcesUpToDate"]),
        ..USUAL
    },
    Family { groups: &["argoproj.io"], kinds: &["CronWorkflow"], ready: Some(&[]), without_status: Ready, ..USUAL },
    Family { groups: &["argoproj.io"], kinds: &["EventBus"], ready: Some(&["Configured", "Deployed"]), ..USUAL },
    Family {
        groups: &["argoproj.io"],
        kinds: &["Rollout"],
        ready: Some(&["Available"]),
        signs: &[
            Sign::Same(
                "metadata/annotations/rollout.argoproj.io~1workload-generation",
                "status/workloadObservedGeneration",
            ),
            Sign::Counted("status/updatedReplicas", "spec/replicas"),
        ],
        while_false: Progressing,
        phases_at: Some(&["status/phase"]),
        ..USUAL
    },
    Family { groups: &["cert-manager.io", "certmanager.k8s.io"], kinds: &["Certificate"], busy: &["Issuing"], ..USUAL },
    Family {
        groups: &["cnrm.cloud.google.com"],
        kinds: &["ConfigConnector", "ConfigConnectorContext"],
        phases_at: Some(&["status/healthy"]),
        phases: &[("true", Ready), ("false", Degraded)],
        ..USUAL
    },
    Family { groups: &["pkg.crossplane.io"], ready: Some(&["Healthy", "Installed", "RevisionHealthy"]), ..USUAL },
    Family {
        groups: &["stacks.crossplane.io"],
        conditions_at: &["status/conditionedStatus/conditions"],
        while_false: Progressing,
        ..USUAL
    },
    Family {
        groups: &["crossplane.io", "upbound.io"],
        without_status: Ready,
        kinds: &[
            "ClusterProviderConfig",
            "Composition",
            "CompositionRevision",
            "ControllerConfig",
            "DeploymentRuntimeConfig",
            "ProviderConfig",
            "ProviderConfigUsage",
        ],
        ..USUAL
    },
    Family {
        groups: &["crossplane.io", "upbound.io"],
        ready: Some(&["Synced", "Ready"]),
        while_false: Progressing,
        signs: &[Sign::Told("Ready")],
        ..USUAL
    },
    Family { groups: &["acid.zalan.do"], phases_at: Some(&["status/PostgresClusterStatus"]), ..USUAL },
    Family { groups: &["controlplane.cluster.x-k8s.io"], busy: &["EKSControlPlaneUpdating"], ..USUAL },
    Family { groups: &["addons.cluster.x-k8s.io"], ready: Some(&["ResourcesApplied"]), ..USUAL },
    Family { groups: &["apps.kruise.io"], kinds: &["BroadcastJob"], phases: &[("running", Progressing)], ..USUAL },
    Family {
        groups: &["astra.netapp.io"],
        kinds: &["ExecHook"],
        signs: &[Sign::Still("spec/enabled", "false")],
        ..USUAL
    },
    Family { groups: &["astra.netapp.io"], kinds: &["Schedule"], without_status: Ready, ..USUAL },
    Family { groups: &["astra.netapp.io"], phases: &[("running", Progressing)], ..USUAL },
    Family { groups: &["coralogix.com"], ready: Some(&["RemoteSynced"]), ..USUAL },
    Family { groups: &["core.humio.com"], phases: &[("exists", Ready)], ..USUAL },
    Family { groups: &["datadoghq.com"], ready: Some(&["Active", "Valid"]), ..USUAL },
    Family {
        groups: &["elasticsearch.k8s.elastic.co"],
        phases_at: Some(&["status/health", "status/phase"]),
        signs: &[Sign::Counted("status/availableNodes", "spec/nodeSets/*/count")],
        ..USUAL
    },
    Family { groups: &["elastic.co"], phases_at: Some(&["status/health", "status/phase"]), ..USUAL },
    Family {
        groups: &["flagger.app"],
        ready: Some(&[]),
        phases_at: Some(&["status/phase"]),
        phases: &[("initialized", Ready)],
        ..USUAL
    },
    Family {
        groups: &["flink.apache.org"],
        phases_at: Some(&["status/jobStatus/state", "status/reconciliationStatus/success"]),
        phases: &[("suspended", Ready), ("true", Ready), ("false", Degraded)],
        ..USUAL
    },
    Family { groups: &["gateway.networking.k8s.io"], kinds: &["GatewayClass"], ready: Some(&["Accepted"]), ..USUAL },
    Family {
        groups: &["gateway.networking.k8s.io"],
        kinds: &["BackendTLSPolicy"],
        ready: Some(&["Accepted", "ResolvedRefs"]),
        conditions_at: &["status/ancestors/*/conditions"],
        ..USUAL
    },
    Family {
        groups: &["gateway.networking.k8s.io"],
        counts_age: false,
        ready: Some(&["Accepted", "Programmed", "ResolvedRefs"]),
        conditions_at: &[
            "status/conditions",
            "status/parents/*/conditions",
            "status/ancestors/*/conditions",
            "status/listeners/*/conditions",
        ],
        ..USUAL
    },
    Family {
        groups: &["grafana.integreatly.org"],
        kinds: &["Grafana"],
        signs: &[Sign::Until("status/stage", "complete")],
        phases_at: Some(&["status/stageStatus"]),
        ..USUAL
    },
    Family {
        groups: &["grafana.integreatly.org"],
        ready: Some(&["DashboardSynchronized", "FolderSynchronized"]),
        ..USUAL
    },
    Family {
        groups: &["kafka.banzaicloud.io"],
        phases_at: Some(&["status/state"]),
        phases: &[("clusterrunning", Ready)],
        signs: &[
            Sign::Until("status/cruiseControlTopicStatus", "CruiseControlTopicReady"),
            Sign::Broken("status/brokersState/*/configurationState", "ConfigOutOfSync"),
        ],
        ..USUAL
    },
    Family {
        groups: &["keptn.sh"],
        signs: &[Sign::Complaint("status/errMsg")],
        phases_at: Some(&["status/overallStatus", "status/status", "status/state", "status/pass"]),
        phases: &[("true", Ready), ("false", Degraded)],
        ..USUAL
    },
    Family { groups: &["cdi.kubevirt.io"], ..USUAL },
    Family {
        groups: &["kubevirt.io"],
        kinds: &["VirtualMachine"],
        ready: Some(&[]),
        phases_at: Some(&["status/printableStatus"]),
        signs: &[Sign::There("status/printableStatus")],
        ..USUAL
    },
    Family {
        groups: &["kubevirt.io"],
        ready: Some(&[]),
        phases_at: Some(&["status/printableStatus", "status/phase"]),
        phases: &[("succeeded", Suspended)],
        ..USUAL
    },
    Family { groups: &["mariadb.com", "mmontes.io"], while_false: Progressing, ..USUAL },
    Family {
        groups: &["microgateway.airlock.com"],
        signs: &[Sign::Each("status/ancestors/*", "conditions/*/type", "Accepted")],
        conditions_at: &["status/ancestors/*/conditions"],
        ready: Some(&["Accepted", "ResolvedRefs"]),
        ..USUAL
    },
    Family {
        groups: &["minio.min.io"],
        phases_at: Some(&["status/currentState"]),
        phases: &[
            ("initialized", Ready),
            ("anotherminiotenantalreadyexistsinthenamespace", Degraded),
            ("differentversionsacrossminiopools", Degraded),
            ("pooldecommissioningnotallowed", Degraded),
            ("statefulsetnotcontrolledbyoperator", Degraded),
            ("tenantcredentialsarenotsetproperly", Degraded),
        ],
        ..USUAL
    },
    Family {
        groups: &["networking.gke.io"],
        phases_at: Some(&["status/certificateStatus", "status/domainStatus/*/status"]),
        phases: &[("failednotvisible", Degraded)],
        ..USUAL
    },
    Family {
        groups: &["numaplane.numaproj.io"],
        phases_at: Some(&["status/phase"]),
        ready: Some(&["ChildResourceDeployed", "ChildResourcesHealthy", "ProgressiveUpgradeSucceeded"]),
        ..USUAL
    },
    Family {
        groups: &["numaflow.numaproj.io"],
        signs: &[Sign::Broken("metadata/labels/numaplane.numaproj.io~1progressive-result-state", "failed")],
        phases_at: Some(&["status/phase"]),
        phases: &[("paused", Ready)],
        ..USUAL
    },
    Family { groups: &["openfaas.com"], ready: Some(&["Ready", "Healthy"]), while_false: Suspended, ..USUAL },
    Family {
        groups: &["operator.openshift.io"],
        ready: Some(&["Available", "DeploymentReplicasAllAvailable"]),
        ..USUAL
    },
    Family {
        groups: &["policy.open-cluster-management.io"],
        kinds: &["OperatorPolicy"],
        ready: Some(&["Compliant"]),
        phases_at: Some(&["status/compliant"]),
        signs: &[Sign::Told("Compliant")],
        ..USUAL
    },
    Family {
        groups: &["postgresql.cnpg.io"],
        signs: &[
            Sign::Still("metadata/annotations/cnpg.io~1hibernation", "on"),
            Sign::Still("metadata/annotations/cnpg.io~1reconciliationLoop", "disabled"),
        ],
        ..USUAL
    },
    Family {
        groups: &["promoter.argoproj.io"],
        kinds: &["ArgoCDCommitStatus"],
        signs: &[Sign::There("status/applicationsSelected/*")],
        ..USUAL
    },
    Family {
        groups: &["promoter.argoproj.io"],
        kinds: &["ChangeTransferPolicy"],
        signs: &[Sign::Same("status/active/dry/sha", "status/proposed/dry/sha")],
        ..USUAL
    },
    Family {
        groups: &["promoter.argoproj.io"],
        kinds: &["PromotionStrategy"],
        signs: &[
            Sign::There("status/environments/*"),
            Sign::Alike("status/environments/*/proposed/dry/sha"),
            Sign::Same("status/environments/*/active/dry/sha", "status/environments/*/proposed/dry/sha"),
        ],
        ..USUAL
    },
    Family {
        groups: &["promoter.argoproj.io"],
        kinds: &["GitCommitStatus", "TimedCommitStatus", "WebRequestCommitStatus"],
        phases_at: Some(&["status/environments/*/phase"]),
        signs: &[Sign::Told("Ready")],
        ..USUAL
    },
    Family { groups: &["proclaim.dogmatiq.io"], ready: Some(&["Adopted", "Advertised", "Discoverable"]), ..USUAL },
    Family {
        groups: &["rollouts.kruise.io"],
        signs: &[Sign::Still("status/canaryStatus/currentStepState", "StepPaused")],
        ..USUAL
    },
    Family {
        groups: &["serving.kserve.io"],
        signs: &[
            Sign::Broken("status/modelStatus/transitionStatus", "BlockedByFailedLoad"),
            Sign::Broken("status/modelStatus/transitionStatus", "InvalidSpec"),
        ],
        ..USUAL
    },
    Family {
        groups: &["work.karmada.io"],
        phases_at: Some(&["status/aggregatedStatus/*/health"]),
        phases: &[("unknown", Degraded)],
        signs: &[Sign::Among("spec/clusters/*/name", "status/aggregatedStatus/*/clusterName")],
        ..USUAL
    },
    Family {
        groups: &["open-cluster-management.io"],
        ready: Some(&[]),
        phases_at: Some(&["status/compliant"]),
        ..USUAL
    },
    Family {
        groups: &["projectcontour.io"],
        ready: Some(&["Valid"]),
        phases_at: Some(&["status/currentStatus"]),
        ..USUAL
    },
    Family {
        groups: &["route.openshift.io"],
        conditions_at: &["status/ingress/*/conditions"],
        ready: Some(&["Admitted"]),
        ..USUAL
    },
    Family {
        groups: &["snapshot.storage.k8s.io"],
        phases_at: Some(&["status/readyToUse"]),
        phases: &[("true", Ready), ("false", Degraded)],
        ..USUAL
    },
    Family {
        groups: &["solo.io"],
        phases_at: Some(&["status/state", "status/statuses/*/state"]),
        phases: &[
            ("0", Suspended),
            ("pending", Suspended),
            ("1", Ready),
            ("2", Degraded),
            ("3", Degraded),
            ("warning", Degraded),
        ],
        ..USUAL
    },
    Family { groups: &["sparkoperator.k8s.io"], phases_at: Some(&["status/applicationState/state"]), ..USUAL },
    Family {
        groups: &["tower.ansible.com"],
        phases_at: Some(&["status/ansibleJobResult/status"]),
        phases: &[("running", Progressing)],
        ..USUAL
    },
    Family {
        groups: &["trident.netapp.io"],
        phases_at: Some(&["status/lastOperationStatus", "status/phase", "status/status"]),
        ..USUAL
    },
    Family { groups: REPORTING, ..USUAL },
];

/// Groups whose objects report in the usual way.
const REPORTING: &[&str] = &[
    "3scale.net",
    "acme.cert-manager.io",
    "altinity.com",
    "apache.org",
    "argoproj.io",
    "astra.netapp.io",
    "atlasgo.io",
    "bitnami.com",
    "cert-manager.io",
    "certmanager.k8s.io",
    "cluster.x-k8s.io",
    "cnrm.cloud.google.com",
    "confluent.io",
    "core.spinkube.dev",
    "external-secrets.io",
    "gardener.cloud",
    "istio.io",
    "jaegertracing.io",
    "k8s.keycloak.org",
    "karmada.io",
    "karpenter.k8s.aws",
    "karpenter.sh",
    "keda.sh",
    "keikoproj.io",
    "kiali.io",
    "knative.dev",
    "kruise.io",
    "kserve.io",
    "kubernetes-client.io",
    "kubitus-project.gitlab.io",
    "kyverno.io",
    "monitoring.coreos.com",
    "nmstate.io",
    "numaproj.io",
    "objectbucket.io",
    "onepassword.com",
    "openfaas.com",
    "openshift.io",
    "opentelemetry.io",
    "operators.coreos.com",
    "percona.com",
    "postgresql.cnpg.io",
    "pravega.io",
    "proclaim.dogmatiq.io",
    "pulumi.com",
    "rabbitmq.com",
    "rook.io",
    "sap.com",
    "services.k8s.aws",
    "spot.io",
    "strimzi.io",
    "toolkit.fluxcd.io",
    "victoriametrics.com",
];
