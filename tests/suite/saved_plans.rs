//! Plans that are saved, looked at, carried about, and applied.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value as Json;

use crate::program::Project;

const PASSWORD: &str = "Zq4-under-the-mat-77";

/// Two objects, of which one holds a secret, and a file that a function reads.
const NOTES: &str = r#"
variable "text" {
  type    = string
  default = "one"
}

variable "password" {
  type      = string
  default   = "Zq4-under-the-mat-77"
  sensitive = true
}

resource "terraform_data" "note" {
  input = "${var.text} ${file("motd.txt")}"
}

resource "terraform_data" "secret" {
  input = "postgres://shop:${var.password}@db"
}

output "note" {
  value = terraform_data.note.output
}
"#;

struct Saved {
    project: Project,
    file: String,
}

/// A project with a plan for its first apply.
fn saved() -> Saved {
    let project = Project::new(NOTES);
    project.write("motd.txt", "hello");
    let file = project.path("first.plan").display().to_string();
    project.succeed(&["plan", "--out", &file]);
    Saved { project, file }
}

impl Saved {
    fn bytes(&self) -> Vec<u8> {
        fs::read(&self.file).expect("a plan")
    }

    /// Neither shown nor applied, for this reason; nothing is done.
    fn is_useless(&self, why: &str) {
        self.project.refused(&["show", &self.file], why);
        self.is_not_applied(why);
    }

    /// Not applied, for this reason; nothing is done.
    fn is_not_applied(&self, why: &str) {
        let before = self.project.run(&["show", "--json"]).text;
        self.project.refused(&["apply", &self.file], why);
        assert_eq!(self.project.run(&["show", "--json"]).text, before, "something was done");
    }
}

#[test]
fn a_plan_is_shown_and_applied_once() {
    let Saved { project, file } = &saved();
    let shown = project.succeed(&["show", file]).text;
    assert_eq!(shown, project.succeed(&["plan"]).text);
    let document: Json = serde_json::from_str(&project.succeed(&["show", "--json", file]).text).expect("JSON");
    let mut now: Json = serde_json::from_str(&project.succeed(&["plan", "--json"]).text).expect("JSON");
    now["timestamp"] = document["timestamp"].clone();
    assert_eq!(document, now);

    // A saved plan was approved by whoever applies it.
    let said = project.succeed(&["apply", file]);
    assert!(said.text.contains("Apply complete: 2 added, 0 changed, 0 destroyed."), "{}", said.text);
    project.is_settled();
    let said = project.refused(&["apply", file], "The plan is stale");
    assert!(said.error.contains("terraform_data.note is recorded by now"), "{}", said.error);
    project.is_settled();
}

#[test]
fn what_is_applied_is_what_was_reviewed() {
    let saved = saved();
    saved.project.write("main.hcl", "resource \"terraform_data\" \"other\" {\n}\n");
    saved.project.succeed(&["apply", &saved.file]);
    assert_eq!(
        saved.project.succeed(&["state", "list"]).text,
        "terraform_data.note\nterraform_data.secret\n",
        "the configuration is the plan's, not that of the directory"
    );
    assert_eq!(saved.project.succeed(&["output", "--raw", "note"]).text, "one hello");
}

#[test]
fn a_plan_for_taking_everything_away_does_that() {
    let Saved { project, file } = &saved();
    project.succeed(&["apply", "--auto-approve"]);
    project.succeed(&["plan", "--destroy", "--out", file]);
    let said = project.succeed(&["apply", file]);
    assert!(said.text.contains("Destroy complete: 0 added, 0 changed, 2 destroyed."), "{}", said.text);
    assert_eq!(project.succeed(&["state", "list"]).text, "");
}

#[test]
fn a_plan_is_refused_once_the_state_is_another() {
    let saved = saved();
    saved.project.succeed(&["apply", "--auto-approve", "--var=text=two"]);
    saved.is_not_applied("terraform_data.note is recorded by now");
    // One that was made in the meantime is refused with what became of each object.
    saved.project.succeed(&["plan", "--var=text=three", "--out", &saved.file]);
    saved.project.succeed(&["apply", "--auto-approve", "--var=text=four"]);
    saved.is_not_applied("terraform_data.note is recorded in another way");
    saved.project.succeed(&["plan", "--var=text=five", "--out", &saved.file]);
    saved.project.succeed(&["destroy", "--auto-approve"]);
    saved.is_not_applied("terraform_data.note is not recorded any more");
    // A state that was begun anew is another state.
    fs::remove_file(saved.project.path(".portolan/state.db")).expect("a state");
    saved.project.succeed(&["apply", "--auto-approve"]);
    saved.is_not_applied("The plan is for another state");
}

#[test]
fn a_plan_is_refused_once_a_file_it_read_is_another() {
    let saved = saved();
    saved.project.write("motd.txt", "goodbye");
    saved.is_not_applied("motd.txt");
    assert!(saved.project.succeed(&["show", &saved.file]).text.contains("one hello"));
    fs::remove_file(saved.project.path("motd.txt")).expect("a file");
    saved.is_not_applied("motd.txt");
    saved.project.write("motd.txt", "hello");
    saved.project.succeed(&["apply", &saved.file]);
}

#[test]
fn a_damaged_plan_is_known() {
    let saved = saved();
    let whole = saved.bytes();
    let header = whole.iter().position(|byte| *byte == b'\n').expect("a first line");
    for (length, why) in [
        (0, "Not a saved plan"),
        (header / 2, "Not a saved plan"),
        (header, "The saved plan is damaged"),
        (header + 1, "The saved plan is damaged"),
        (whole.len() / 2, "The saved plan is damaged"),
        (whole.len() - 1, "The saved plan is damaged"),
    ] {
        fs::write(&saved.file, &whole[..length]).expect("writes");
        saved.is_useless(why);
    }
    for at in [header - 2, header + 1, header + 30, whole.len() / 2, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        fs::write(&saved.file, changed).expect("writes");
        saved.is_useless("");
    }
    fs::write(&saved.file, whole).expect("writes");
    saved.project.succeed(&["apply", &saved.file]);
}

#[test]
fn what_is_no_plan_is_refused() {
    let saved = saved();
    let newer = String::from_utf8_lossy(&saved.bytes()).replacen("\"portolan_plan\":1", "\"portolan_plan\":9", 1);
    fs::write(&saved.file, newer).expect("writes");
    saved.is_useless("newer than this program");
    fs::write(&saved.file, NOTES).expect("writes");
    saved.is_useless("Not a saved plan");
    fs::remove_file(&saved.file).expect("a plan");
    saved.is_useless("No such file or directory");
    fs::create_dir(&saved.file).expect("a directory");
    saved.is_useless("not a regular file");
    let directory = saved.file.as_str();
    saved.project.refused(&["plan", "--out", directory], "it is a directory");
    saved.project.refused(&["plan", "--out", "none/first.plan"], "No such file or directory");
}

#[test]
fn a_plan_opens_with_its_key_alone() {
    let saved = saved();
    let key = saved.project.path(".portolan/key");
    let kept = fs::read(&key).expect("a key");
    fs::remove_file(&key).expect("a key");
    saved.is_useless("Sensitive values cannot be opened");
    let mut other = saved.project.command(&["show", &saved.file]);
    other.env("PORTOLAN_STATE_KEY", "b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXItMDA=");
    let output = other.output().expect("the program starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("another key"));
    fs::write(&key, kept).expect("writes");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("a file");
    saved.project.succeed(&["apply", &saved.file]);
}

#[test]
fn a_plan_shows_no_secret_and_is_for_its_owner() {
    let Saved { project, file } = &saved();
    let holds = |content: &[u8]| content.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes());
    assert!(!holds(&fs::read(file).expect("a plan")));
    for command in [&["show", file][..], &["show", "--json", file], &["apply", file]] {
        let said = project.succeed(command);
        assert!(!holds(said.all().as_bytes()), "{command:?} tells the secret");
    }
    assert_eq!(project.path("first.plan").metadata().expect("a plan").permissions().mode() & 0o777, 0o600);
    let left: Vec<_> =
        project.files("").into_keys().filter(|path| path.display().to_string().contains(".plan-")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_must_never_be_recorded_is_not_saved() {
    let project = Project::new(
        "variable \"token\" {\n  type      = string\n  default   = \"x\"\n  ephemeral = true\n}\n\noutput \"n\" {\n  value = 1\n}\n",
    );
    project.refused(&["plan", "--out", "a.plan", "--var=token=y"], "is ephemeral");
    assert!(!project.path("a.plan").exists());
}

#[test]
fn flags_that_mean_nothing_to_a_saved_plan_are_refused() {
    let saved = saved();
    for flag in ["--var=text=two", "--target=terraform_data.note", "--destroy", "--refresh-only"] {
        saved.project.refused(&["apply", flag, &saved.file], "cannot be used with");
    }
    saved.project.succeed(&["apply", "--parallelism=1", "--auto-approve", &saved.file]);
}
