# Each application has one dynamic block with something wrong.

resource "terraform_data" "later" {
  input = "x"
}

cluster "one" {
  directory {
    path = "out/one"
  }
}

application "unknown" {
  placement {
    clusters = [cluster.one]
  }
  dynamic "external" {
    for_each = toset([terraform_data.later.output])
    labels   = [external.value]
    content {
      addresses = []
    }
  }
}

application "label" {
  placement {
    clusters = [cluster.one]
  }
  dynamic "external" {
    for_each = ["a"]
    labels   = ["a${terraform_data.later.id}"]
    content {
      addresses = []
    }
  }
}

application "labels" {
  placement {
    clusters = [cluster.one]
  }
  dynamic "external" {
    for_each = ["a"]
    labels   = external.value
    content {
      addresses = []
    }
  }
}

application "twice" {
  placement {
    clusters = [cluster.one]
  }
  external "a" {
    addresses = []
  }
  dynamic "external" {
    for_each = ["a"]
    labels   = [external.value]
    content {
      addresses = []
    }
  }
}

application "null" {
  placement {
    clusters = [cluster.one]
  }
  dynamic "external" {
    for_each = null
    labels   = [external.value]
    content {
      addresses = []
    }
  }
}

application "undeclared" {
  placement {
    clusters = [cluster.one]
  }
  dynamic "external" {
    for_each = ["a"]
    labels   = [external.value]
    content {
      addresses = []
    }
  }
  service "web" {
    image    = "web:1"
    connects = [external.b]
    env      = { B = external.b.name }
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

application "secret" {
  placement {
    clusters = [cluster.one]
  }
  dynamic "external" {
    for_each = sensitive(["a"])
    labels   = [external.value]
    content {
      addresses = []
    }
  }
  dynamic "external" {
    for_each = [sensitive("a")]
    labels   = ["is-${external.value}"]
    content {
      addresses = []
    }
  }
}
