locals {
  registry = "registry.${var.domain}/shop"
}

application "shop" {
  namespace = "shop"

  # The big cluster gets about twice as many of each service as the small one.
  placement {
    clusters        = [cluster.beijing, cluster.shanghai]
    strategy        = "free_capacity"
    min_per_cluster = 1
  }

  # The order database stayed on its virtual machines.
  external "orders" {
    addresses = var.order_machines
  }

  service "web" {
    image      = "${local.registry}/web:${var.releases.web}"
    replicas   = 6
    depends_on = [service.catalog]
    connects   = [service.orders]

    port "http" {
      number    = 8080
      node_port = 30080
    }
    health {
      path = "/healthz"
      port = "http"
    }
    resources {
      cpu    = "250m"
      memory = "256Mi"
    }
    env = {
      CATALOG_URL = "http://catalog:8080"
      ORDERS_URL  = "http://orders:8080"
    }
  }

  service "catalog" {
    image      = "${local.registry}/catalog:${var.releases.api}"
    replicas   = 6
    depends_on = [service.cache]

    port "http" {
      number    = 8080
      node_port = 30081
    }
    health {
      path = "/healthz"
      port = "http"
    }
    resources {
      cpu    = "500m"
      memory = "512Mi"
    }
    env = {
      CACHE = "cache:6379"
    }
    autoscale {
      min    = 2
      max    = 40
      cpu    = "60%"
      memory = "400Mi"
      schedule "rush_hour" {
        start     = "0 18 * * *"
        end       = "0 22 * * *"
        time_zone = "Asia/Shanghai"
        min       = 8
      }
      scale_down {
        stabilization = "10m"
        policy {
          percent = 20
          period  = "1m"
        }
      }
    }
  }

  # Takes orders. It runs on the JVM, whose heap is sized from the memory limit.
  service "orders" {
    image      = "${local.registry}/orders:${var.releases.orders}"
    runtime    = "java"
    replicas   = 4
    depends_on = [service.cache]
    connects   = [external.orders]

    port "http" {
      number = 8080
    }
    health {
      path = "/actuator/health"
      port = "http"
    }
    resources {
      cpu    = "1"
      memory = "2Gi"
    }
    config = {
      "application.yaml" = templatefile("files/orders.yaml.tftpl", {
        machines = var.order_machines
        currency = "CNY"
      })
    }
    secret = {
      DATABASE_PASSWORD = var.database_password
    }
  }

  service "cache" {
    kind     = "stateful_set"
    image    = "redis:7.2"
    replicas = 2

    port "redis" {
      number = 6379
    }
    resources {
      cpu    = "250m"
      memory = "1Gi"
    }
    volume "data" {
      path = "/data"
      size = "5Gi"
    }
  }

  # Once a night, the orders of the day go to the accountants.
  service "accounts" {
    kind     = "cron_job"
    schedule = "30 2 * * *"
    image    = "${local.registry}/accounts:${var.releases.orders}"
    command  = ["/bin/accounts", "--yesterday"]
    connects = [external.orders]

    resources {
      cpu    = "500m"
      memory = "512Mi"
    }
    secret = {
      DATABASE_PASSWORD = var.database_password
    }
  }
}
