releases = {
  web    = "2.14.0"
  api    = "5.3.1"
  orders = "1.9.4"
}

edge_addresses = ["192.0.2.80", "192.0.2.81"]
order_machines = ["192.0.2.10:8080", "192.0.2.11:8080"]

# For trying the example. Where it matters, leave it out here and give it as
# PORTOLAN_VAR_database_password.
database_password = "only-for-the-example"
