cluster "a" {
  directory {
    path = "out/a"
  }
}

manifests "nothing" {
  clusters = [cluster.a]
}

manifests "missing" {
  clusters  = [cluster.a]
  directory = "${path.module}/nowhere"
  files     = ["${path.module}/none.yaml"]
}

manifests "broken" {
  clusters  = [cluster.a]
  directory = "${path.module}/deploy"
}

manifests "twice" {
  clusters = ["a"]
  text     = <<-YAML
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: one
      namespace: more
    ---
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: one
      namespace: more
  YAML
}
