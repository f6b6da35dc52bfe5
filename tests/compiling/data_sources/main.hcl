# What each data source waits for before it is read.

resource "terraform_data" "base" {
  input = "base"
}

resource "terraform_data" "file" {
  input = terraform_data.base.output
}

locals {
  path = terraform_data.file.id
}

data "terraform_remote_state" "refers" {
  backend = "local"
  config = {
    path = "${terraform_data.file.id}.tfstate"
  }
}

data "terraform_remote_state" "refers_through_a_local" {
  backend = "local"
  config = {
    path = local.path
  }
}

data "terraform_remote_state" "waits" {
  depends_on = [terraform_data.file]
  backend    = "local"
  config = {
    path = "other.tfstate"
  }
}


data "terraform_remote_state" "refers_to_data" {
  backend = "local"
  config = {
    path = data.terraform_remote_state.waits.outputs.path
  }
}

module "inner" {
  source     = "./inner"
  depends_on = [terraform_data.file]
  path       = terraform_data.base.id
}

data "terraform_remote_state" "waits_for_a_module" {
  depends_on = [module.inner]
  backend    = "local"
  config = {
    path = "other.tfstate"
  }
}
