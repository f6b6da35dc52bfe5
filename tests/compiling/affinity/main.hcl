# Every cluster of the module, and services that choose for themselves.
application "chosen" {
  network_policy = false

  placement {}

  service "everywhere" {
    image    = "shop/web:1"
    replicas = 10
    resources {
      cpu    = "100m"
      memory = "1Gi"
    }
  }

  service "golden" {
    image    = "shop/web:1"
    replicas = 4
    resources {
      cpu    = "100m"
      memory = "1Gi"
    }
    placement {
      labels  = { tier = "gold" }
      exclude = [cluster.site["chengdu"]]
    }
  }

  service "northern" {
    image    = "shop/web:1"
    replicas = 3
    resources {
      cpu    = "100m"
      memory = "1Gi"
    }
    placement {
      regions  = ["north"]
      strategy = "duplicated"
    }
  }

  # One node in each suitable cluster at least.
  service "agent" {
    kind  = "daemon_set"
    image = "shop/agent:1"
    resources {
      cpu    = "10m"
      memory = "10Mi"
    }
    placement {
      regions = ["west", "east"]
    }
  }
}

# Spread over regions: one in each of three before two in any, and in no more than two clusters.
application "spread" {
  network_policy = false

  placement {
    spread "region" {
      min_groups = 3
    }
  }

  service "few" {
    image    = "shop/web:1"
    replicas = 3
    resources {
      cpu    = "100m"
      memory = "1Gi"
    }
  }

  service "narrow" {
    image    = "shop/web:1"
    replicas = 6
    resources {
      cpu    = "100m"
      memory = "1Gi"
    }
    placement {
      spread "region" {
        max_groups = 2
      }
      spread "cluster" {
        max_groups = 2
      }
    }
  }
}

# Bounds of single clusters in place of those of all.
application "bounded" {
  network_policy = false

  placement {
    clusters        = [for name in ["beijing", "shanghai", "chengdu"] : cluster.site[name]]
    strategy        = "weighted"
    weights         = { "site.beijing" = 2, "site.shanghai" = 0.5, "site.chengdu" = 0 }
    max_per_cluster = 5
    max_replicas    = { "site.shanghai" = 9 }
    min_replicas    = { "site.chengdu" = 1 }
  }

  service "web" {
    image    = "shop/web:1"
    replicas = 10
    resources {
      cpu    = "100m"
      memory = "1Gi"
    }
    node_selector = { disk = "ssd" }
    toleration {
      key    = "dedicated"
      value  = "shop"
      effect = "NoSchedule"
    }
    toleration {
      key = "spot"
    }
  }
}
