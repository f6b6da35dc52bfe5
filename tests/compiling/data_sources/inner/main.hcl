variable "path" {
  type = string
}

resource "terraform_data" "inside" {
  input = var.path
}

data "terraform_remote_state" "inside" {
  backend = "local"
  config = {
    path = var.path
  }
}
