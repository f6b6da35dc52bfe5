variable "region" {
  type = string
}

variable "replicas" {
  type = number
}

variable "clusters" {
  type = any
}

application "shop" {
  namespace      = "shop-${var.region}"
  network_policy = false

  placement {
    clusters = var.clusters
  }

  external "machines" {
    addresses = ["192.0.2.10:80"]
  }

  service "web" {
    image    = "shop/web:1"
    replicas = var.replicas
    env      = { REGION = var.region }
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

output "machines" {
  value = application.shop.external.machines
}

output "host" {
  value = application.shop.service.web.host
}
