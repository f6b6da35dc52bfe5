variable "stage" {}

variable "cluster" {}

variable "api" {}

application "stage" {
  namespace = "stage-${var.stage}"
  placement {
    clusters = [var.cluster]
  }
  service "web" {
    image      = "shop/web:${var.stage}"
    depends_on = [service.seed]
    env        = { API = var.api.host, SEED = service.seed.name }
    port "http" {
      number    = 80
      node_port = var.stage == "blue" ? 30081 : 30082
    }
    resources {
      cpu    = "100m"
      memory = "128Mi"
    }
  }
  service "seed" {
    kind  = "job"
    image = "shop/seed:1"
    resources {
      cpu    = "100m"
      memory = "128Mi"
    }
  }
}

output "web" {
  value = application.stage.service.web
}
