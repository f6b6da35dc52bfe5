# Blocks that dynamic blocks make are like those that are written.

variable "workers" {
  default = {
    mail = { image = "shop/mail:1", replicas = 2, port = 9000 }
    push = { image = "shop/push:1", replicas = 1, port = 9001 }
  }
}

locals {
  machines = { orders = ["192.0.2.10:8080"], stock = ["192.0.2.20:8080", "192.0.2.21:8080"] }
}

cluster "one" {
  node_addresses = ["198.51.100.1"]
  directory {
    path = "out/one"
  }
}

nginx "edge" {
  directory {
    path = "out/edge"
  }
}

application "shop" {
  placement {
    clusters = [cluster.one]
    strategy = "duplicated"
  }

  dynamic "external" {
    for_each = local.machines
    labels   = [external.key]
    content {
      addresses = external.value
    }
  }

  service "queue" {
    image = "shop/queue:1"
    port "tcp" {
      number = 5672
    }
    resources {
      cpu    = "100m"
      memory = "128Mi"
    }
  }

  dynamic "service" {
    for_each = var.workers
    iterator = worker
    labels   = ["worker-${worker.key}"]
    content {
      image      = worker.value.image
      replicas   = worker.value.replicas
      depends_on = [service.queue]
      connects   = [external.orders]
      env = {
        QUEUE = "${service.queue.host}:${service.queue.port.tcp.number}"
        NAMES = join(",", [for worker in ["hidden"] : worker])
      }
      dynamic "port" {
        for_each = { http = worker.value.port, metrics = worker.value.port + 100 }
        labels   = [port.key]
        content {
          number    = port.value
          node_port = worker.value.port + 22000 + (port.key == "http" ? 0 : 1000)
        }
      }
      resources {
        cpu    = "100m"
        memory = "128Mi"
      }
    }
  }
}

route "shop" {
  nginx = nginx.edge
  hosts = ["shop.example.com"]
  dynamic "location" {
    for_each = var.workers
    labels   = ["/${location.key}"]
    content {
      to   = application.shop.service["worker-${location.key}"]
      port = "http"
    }
  }
  dynamic "location" {
    for_each = toset(["orders", "stock"])
    labels   = ["/machines/${location.value}"]
    content {
      to = application.shop.external[location.value]
    }
  }
}

route "one" {
  nginx = nginx.edge
  hosts = ["mail.example.com"]
  location "/" {
    to   = application.shop.service.worker-mail
    port = "http"
  }
}
