# An online shop: two clusters of unequal size, the nginx fleet before them, the virtual
# machines that keep the orders, and the names by which all of it is reached.
#
#     portolan plan       says what will happen
#     portolan apply      makes it so, here in directories under out/

portolan {
  required_version = ">= 0.1.0"
}
