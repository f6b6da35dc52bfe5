resource "terraform_data" "build" {
  triggers_replace = "1"
}

application "shop" {
  network_policy = false

  placement {
    clusters = [cluster.a]
  }

  service "web" {
    image  = "shop/web:${terraform_data.build.id}"
    config = { id = terraform_data.build.id }
    resources {
      cpu    = "100m"
      memory = "128Mi"
    }
  }

  service "other" {
    image = "shop/other:1"
    resources {
      cpu    = "100m"
      memory = "128Mi"
    }
  }
}
