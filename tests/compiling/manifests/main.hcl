cluster "a" {
  directory {
    path = "out/a"
  }
}

cluster "b" {
  directory {
    path = "out/b"
  }
}

manifests "things" {
  clusters  = [cluster.a, cluster.b]
  directory = "${path.module}/deploy"
  namespace = "things"
  timeout   = "2m"
}

manifests "more" {
  clusters = [cluster.a]
  text     = <<-YAML
    apiVersion: v1
    kind: List
    items:
      - apiVersion: v1
        kind: ConfigMap
        metadata:
          name: one
          namespace: more
      - apiVersion: v1
        kind: ConfigMap
        metadata:
          name: two
          namespace: more
  YAML

  depends_on = [manifests.things]
}
