application "shop" {
  namespace = "store"
  labels    = { team = "north" }

  # Seen one by one in other cases.
  network_policy = false

  placement {
    clusters = [cluster.a]
  }

  # All that a service may say.
  service "api" {
    image                 = "shop/api:1"
    runtime               = "java"
    command               = ["java"]
    args                  = ["-jar", "api.jar"]
    env                   = { MODE = "live" }
    secret                = { PASSWORD = "only-for-tests" }
    config                = { "api.yaml" = "mode: live\n" }
    config_path           = "/etc/api"
    grace_period          = "1m30s"
    drain                 = "5s"
    labels                = { tier = "middle" }
    annotations           = { note = "kept" }
    anti_affinity         = false
    service_account_token = true
    hardened              = false
    replicas              = 4

    port "http" {
      number    = 8080
      node_port = 30080
    }
    port "metrics" {
      number   = 9090
      protocol = "UDP"
    }
    health {
      path    = "/healthz"
      port    = "http"
      period  = "5s"
      timeout = "1s"
      startup = "1m"
    }
    resources {
      cpu               = "500m"
      memory            = "1Gi"
      cpu_limit         = "2"
      memory_limit      = "2Gi"
      ephemeral_storage = "1Gi"
    }
    disruption {
      min_available = "50%"
    }
  }

  # A disk of its own, asked by a command.
  service "worker" {
    image = "shop/worker:1"
    drain = "1m"
    drain_by = "kubelet"
    env   = { JAVA_TOOL_OPTIONS = "-Xmx100m" }
    runtime = "java"
    volume "cache" {
      path = "/var/cache"
      size = "1Gi"
    }
    health {
      command = ["/bin/check"]
    }
    resources {
      cpu    = "100m"
      memory = "256Mi"
    }
  }
}
