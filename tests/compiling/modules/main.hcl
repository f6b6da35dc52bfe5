cluster "site" {
  for_each = toset(["north", "south"])
  region   = each.key
  directory {
    path = "out/${each.key}"
  }
  capacity {
    cpu    = "8"
    memory = "32Gi"
    pods   = 100
  }
}

nginx "edge" {
  directory {
    path = "out/edge"
  }
}

# The clusters go in, what the module makes comes out.
module "shop" {
  for_each = { eu = 4, us = 2 }
  source   = "./shop"
  region   = each.key
  replicas = each.value
  clusters = [cluster.site["north"], cluster.site["south"]]
}

route "shop" {
  for_each = { eu = "shop.example.eu", us = "shop.example.com" }
  nginx    = nginx.edge
  hosts    = [each.value]
  location "/" {
    to = module.shop[each.key].machines
  }
}

output "hosts" {
  value = { for key, shop in module.shop : key => shop.host }
}
