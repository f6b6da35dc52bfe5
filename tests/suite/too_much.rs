//! Configurations of a few lines that ask for more than any machine has are refused where they do.

use crate::program::Project;

/// Local values `a0` to `a30`; `{}` in each of them is the one before.
fn chain(first: &str, next: &str) -> String {
    let values = (1..=30).map(|step| format!("  a{step} = {}\n", next.replace("{}", &format!("local.a{}", step - 1))));
    format!("locals {{\n  a0 = {first}\n{}}}\noutput \"a\" {{\n  value = local.a30\n}}\n", values.collect::<String>())
}

/// The program refuses the configuration, and names the line that asks for too much.
fn is_refused(text: &str, why: &str, place: &str) {
    let project = Project::new(text);
    for command in ["validate", "plan"] {
        let said = project.refused(&[command], why);
        assert!(said.error.contains(place), "{}", said.error);
        assert!(said.error.len() < 20_000, "{} bytes are told", said.error.len());
    }
}

#[test]
fn values_that_double() {
    let long = "join(\"\", [for i in range(1024) : \"0123456789abcdef\"])";
    for next in ["[{}, {}]", "{ x = {}, y = {} }", "concat([{}], [{}])", "[for i in range(2) : {}]"] {
        is_refused(&chain(long, next), "Value too large", "main.hcl:");
    }
    is_refused(&chain("1", "[[[[{}]]]]"), "Nested too deeply", "main.hcl:28");
    let typed = format!("{{ {} = null }}", "x".repeat(20_000));
    is_refused(&chain(&typed, "{ x = {}, y = true ? {} : null }"), "Value too large", "main.hcl:");
}

#[test]
fn texts_that_double() {
    let long = "join(\"\", [for i in range(1024) : join(\"\", [for j in range(64) : \"0123456789abcdef\"])])";
    for next in ["\"${{}}${{}}\"", "join({}, [{}, {}])", "format(\"%s%s\", {}, {})", "replace({}, \"/.+/\", \"$0$0\")"]
    {
        is_refused(&chain(long, next), "too long", "main.hcl:");
    }
}

#[test]
fn numbers_that_grow() {
    is_refused(&chain("1e300", "{} * {}"), "too large for a number", "main.hcl:10");
    let project = Project::new(chain("1e-300", "{} * {}"));
    assert!(project.succeed(&["plan"]).text.contains("a = 0"));
    // More digits than the column that numbers were once printed in could have.
    let project = Project::new("output \"a\" {\n  value = length(tostring(1e-20000))\n}\n");
    assert!(project.succeed(&["plan"]).text.contains("a = 20002"));
    is_refused("output \"a\" {\n  value = 1e999999999\n}\n", "Invalid number literal", "main.hcl:2:11");
}

#[test]
fn functions_that_are_asked_for_much() {
    for (value, why) in [
        ("range(1e9)", "more than 1024 values"),
        ("pow(10, 1e9)", "too large"),
        ("[for i in range(1000) : [for j in range(1000) : [for k in range(1000) : [i, \"LONG\"]]]]", "Value too large"),
        ("setproduct(range(1000), setproduct(range(1000), range(1000)))", "combinations"),
        ("setproduct(toset([\"LONG\"]), range(1000), range(1000))", "more than 256 MiB"),
        ("cidrsubnets(\"10.0.0.0/8\", [for i in range(1000) : 1]...)", "not enough remaining address space"),
        ("format(\"%999999999d\", 1)", "must not exceed 100000"),
    ] {
        let long = "0123456789".repeat(1000);
        is_refused(&format!("output \"a\" {{\n  value = {}\n}}\n", value.replace("LONG", &long)), why, "main.hcl:2:");
    }
}

#[test]
fn loops_that_would_not_end() {
    let text = format!(
        "locals {{\n  text = \"{}\"\n  values = [for i in range(1000) : local.text]\n}}\noutput \"a\" {{\n  value = {}\n}}\n",
        "0123456789".repeat(20_000),
        "try([for i in range(1000) : [for j in range(1000) : length(local.values)]], \"never mind\")"
    );
    is_refused(&text, "Evaluation takes too long", "main.hcl:6:");
}

#[test]
fn instances_that_multiply() {
    let modules = "module \"m\" {\n  source = \"./m\"\n  count  = 1000000\n}\n";
    let project = Project::new(modules);
    project.write("m/main.hcl", "locals {\n}\n");
    project.refused(&["plan"], "Too many instances of modules");
    let blocks = "resource \"terraform_data\" \"one\" {\n  count = 1\n}\nresource \"terraform_data\" \"many\" {\n  count = 1000000\n}\n";
    is_refused(blocks, "Too many instances of blocks", "main.hcl:5:11");
}

#[test]
fn a_file_of_one_huge_line() {
    let project = Project::new("");
    let values = "\"0123456789\", ".repeat(100_000);
    project.write("main.hcl.json", format!("{{\"locals\": {{\"a\": [{values}\"${{local.b}}\", {values}1]}}}}"));
    let said = project.refused(&["validate"], "main.hcl.json:1:");
    assert!(
        said.error.contains("local.b") && said.error.len() < 5000,
        "{} bytes: {:.2000}",
        said.error.len(),
        said.error
    );
}

#[test]
fn names_of_any_length() {
    let name = "n".repeat(100_000);
    let project = Project::new(format!(
        "resource \"terraform_data\" \"a\" {{\n  input = {{\n    {name} = 1\n    b = 2\n  }}\n}}\noutput \"{name}\" {{\n  value = terraform_data.a.output\n}}\n"
    ));
    for command in [&["plan"][..], &["apply", "--auto-approve"], &["state", "show", "terraform_data.a"], &["output"]] {
        project.succeed(command);
    }
}
