locals {
  sites = {
    beijing  = { region = "north", tier = "gold", cpu = "40" }
    tianjin  = { region = "north", tier = "silver", cpu = "20" }
    shanghai = { region = "east", tier = "gold", cpu = "30" }
    chengdu  = { region = "west", tier = "gold", cpu = "10" }
  }
}

cluster "site" {
  for_each = local.sites
  region   = each.value.region
  labels   = { tier = each.value.tier }

  directory {
    path = "out/${each.key}"
  }
  capacity {
    cpu = each.value.cpu
  }
}
