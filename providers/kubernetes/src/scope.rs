//! Which kinds live in a namespace, as far as Kubernetes itself says.

/// Whether objects of a kind have a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// They live in a namespace.
    Namespaced,
    /// They belong to the whole cluster.
    Cluster,
    /// A kind that Kubernetes does not ship.
    Unknown,
}

/// The API groups that Kubernetes ships; a group of any other name is an extension.
const OWN_GROUPS: [&str; 22] = [
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];

/// Those of their kinds that belong to the whole cluster; the names are unique over groups.
const CLUSTER_KINDS: [&str; 37] = [
    "APIService",
    "CSIDriver",
    "CSINode",
    "CertificateSigningRequest",
    "ClusterRole",
    "ClusterRoleBinding",
    "ClusterTrustBundle",
    "ComponentStatus",
    "CustomResourceDefinition",
    "DeviceClass",
    "DeviceTaintRule",
    "FlowSchema",
    "IPAddress",
    "IngressClass",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "PriorityLevelConfiguration",
    "ResourceSlice",
    "RuntimeClass",
    "SelfSubjectAccessReview",
    "SelfSubjectReview",
    "SelfSubjectRulesReview",
    "ServiceCIDR",
    "StorageClass",
    "StorageVersionMigration",
    "SubjectAccessReview",
    "TokenReview",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VolumeAttachment",
    "VolumeAttributesClass",
];

/// Whether Kubernetes ships an API group, so that nothing else can add kinds to it.
pub(crate) fn is_own_group(group: &str) -> bool {
    OWN_GROUPS.contains(&group)
}

/// The scope of a kind.
pub(crate) fn of_kind(group: &str, kind: &str) -> Scope {
    match (is_own_group(group), CLUSTER_KINDS.contains(&kind)) {
        (false, _) => Scope::Unknown,
        (true, true) => Scope::Cluster,
        (true, false) => Scope::Namespaced,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes() {
        assert_eq!(of_kind("apps", "Deployment"), Scope::Namespaced);
        assert_eq!(of_kind("", "Namespace"), Scope::Cluster);
        assert_eq!(of_kind("gateway.networking.k8s.io", "GatewayClass"), Scope::Unknown);
        assert!(OWN_GROUPS.is_sorted() && CLUSTER_KINDS.is_sorted());
    }
}
