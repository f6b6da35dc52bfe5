application "shop" {
  network_policy = false
  placement {
    clusters = [cluster.a, cluster.b, cluster.c]
    strategy = "duplicated"
  }

  service "canary" {
    image    = "shop/canary:1"
    replicas = 1
    resources {
      cpu    = "100m"
      memory = "64Mi"
    }
    rollout {
      canary     = cluster.b
      on_failure = "rollback"
    }
  }

  service "in-turn" {
    image    = "shop/in-turn:1"
    replicas = 1
    resources {
      cpu    = "100m"
      memory = "64Mi"
    }
    rollout {
      order   = "clusters"
      timeout = "10m"
    }
  }

  service "both" {
    image    = "shop/both:1"
    replicas = 1
    resources {
      cpu    = "100m"
      memory = "64Mi"
    }
    rollout {
      order  = "clusters"
      canary = cluster.c
    }
  }

  service "at-once" {
    image    = "shop/at-once:1"
    replicas = 1
    resources {
      cpu    = "100m"
      memory = "64Mi"
    }
    rollout {
      wait = false
    }
  }
}
