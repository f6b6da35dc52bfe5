# All kinds of services, each stopped, and each restarted.

application "stopped" {
  placement {
    clusters = [cluster.a]
  }

  service "web" {
    image      = "shop/web:1"
    replicas   = 3
    depends_on = [service.store, service.agent]
    port "http" {
      number = 8080
    }
    resources {
      cpu    = "250m"
      memory = "256Mi"
    }
  }
  service "store" {
    kind     = "stateful_set"
    image    = "shop/store:1"
    replicas = 2
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
  service "agent" {
    kind  = "daemon_set"
    image = "shop/agent:1"
    port "http" {
      number = 9000
    }
    resources {
      cpu    = "50m"
      memory = "64Mi"
    }
  }
  service "migrate" {
    kind     = "job"
    image    = "shop/migrate:1"
    replicas = 2
    resources {
      cpu    = "100m"
      memory = "128Mi"
    }
  }
  service "report" {
    kind     = "cron_job"
    image    = "shop/report:1"
    schedule = "30 2 * * *"
    resources {
      cpu    = "100m"
      memory = "128Mi"
    }
  }
  # It goes on, though the application is stopped.
  service "status" {
    image    = "shop/status:1"
    replicas = 1
    resources {
      cpu    = "100m"
      memory = "128Mi"
    }
  }
}

application "restarted" {
  placement {
    clusters = [cluster.a]
  }

  service "web" {
    image       = "shop/web:1"
    annotations = { "example.com/a" = "b" }
    resources {
      cpu    = "250m"
      memory = "256Mi"
    }
  }
  service "report" {
    kind     = "cron_job"
    image    = "shop/report:1"
    schedule = "30 2 * * *"
    resources {
      cpu    = "100m"
      memory = "128Mi"
    }
  }
}
