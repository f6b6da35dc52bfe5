application "shop" {
  placement {
    clusters = [cluster.a]
  }

  service "web" {
    image    = "shop/web:1"
    replicas = 3
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
    port "http" {
      number = 9000
    }
    volume "data" {
      path          = "/data"
      size          = "5Gi"
      storage_class = "fast"
    }
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }

  service "agent" {
    kind  = "daemon_set"
    image = "shop/agent:1"
    resources {
      cpu    = "50m"
      memory = "64Mi"
    }
  }

  service "migrate" {
    kind    = "job"
    image   = "shop/migrate:1"
    command = ["/migrate", "--up"]
    retries = 1
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
}
