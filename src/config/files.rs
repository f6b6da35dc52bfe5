//! Finding and reading the files of a module.
//!
//! Whatever a directory may hold (pipes, circles of links, files of any size and encoding)
//! ends in a text or in a diagnostic, never in waiting or in a crash.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use portolan_lang::{Diagnostic, Diagnostics, FileId, Sources, Span};
use rustc_hash::FxHashSet;

/// The largest file that is read: 64 MiB, which is some hundred thousand blocks.
pub const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// In which of its two forms the language is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Native,
    Json,
}

/// A file that was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct SourceFile {
    pub(super) id: FileId,
    pub(super) form: Form,
}

/// The files of one module.
#[derive(Debug, Default)]
pub(super) struct ModuleFiles {
    /// The files that declare, by name.
    pub(super) primary: Vec<SourceFile>,
    /// The files that change what others declare, by name.
    pub(super) overrides: Vec<SourceFile>,
    /// The names of files that Terraform would read and that are not read here.
    pub(super) terraform: Vec<String>,
}

/// Whether a directory holds any file of a configuration.
pub fn exists(directory: &Path) -> bool {
    list(directory).is_ok_and(|names| names.iter().any(|name| classify(name).is_some()))
}

/// Reads the files of the module in `directory`; messages call it `shown`, which is empty for
/// the root module.
pub(super) fn read_module(
    directory: &Path,
    shown: &str,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> ModuleFiles {
    let mut files = ModuleFiles::default();
    let names = match list(directory) {
        Ok(names) => names,
        Err(error) => {
            let detail = format!("The directory {} cannot be read: {error}.", directory.display());
            diagnostics.push(Diagnostic::error("Unreadable module directory").detail(detail));
            return files;
        }
    };
    for name in names {
        let Some((form, is_override)) = classify(&name) else {
            if name.ends_with(".tf") || name.ends_with(".tf.json") {
                files.terraform.push(name);
            }
            continue;
        };
        let path = directory.join(&name);
        if path.is_dir() {
            continue;
        }
        let shown = if shown.is_empty() { name } else { format!("{shown}/{name}") };
        if let Some(id) = diagnostics.keep(read_source(&path, &shown, sources)) {
            let list = if is_override { &mut files.overrides } else { &mut files.primary };
            list.push(SourceFile { id, form });
        }
    }
    files
}

/// The files among `sources` that [`read_module`] read for the module that messages call `shown`.
pub(super) fn kept_module(shown: &str, sources: &Sources) -> ModuleFiles {
    let mut files = ModuleFiles::default();
    let mut seen = FxHashSet::default();
    for (id, source) in sources.iter() {
        let (directory, name) = source.name.rsplit_once('/').unwrap_or(("", &source.name));
        // A file of values may have the name of a file that declares; it was read after it.
        if directory != shown || !seen.insert(name) {
            continue;
        }
        if let Some((form, is_override)) = classify(name) {
            let list = if is_override { &mut files.overrides } else { &mut files.primary };
            list.push(SourceFile { id, form });
        }
    }
    files
}

/// Reads one file into `sources` under the name `shown`.
pub(super) fn read_source(path: &Path, shown: &str, sources: &mut Sources) -> Result<FileId, Diagnostic> {
    let unreadable = |why: String| Diagnostic::error("Unreadable file").detail(format!("{shown}: {why}."));
    let bytes = read_bytes(path).map_err(|error| unreadable(error.to_string()))?;
    match String::from_utf8(bytes) {
        Ok(mut text) => {
            if text.starts_with('\u{feff}') {
                text.drain(..'\u{feff}'.len_utf8());
            }
            Ok(sources.add(shown, text))
        }
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let id = sources.add(shown, String::from_utf8_lossy(error.as_bytes()));
            Err(Diagnostic::error("Invalid character encoding")
                .detail(format!("{shown} is not in UTF-8."))
                .label(Span::new(id, at..at + '\u{fffd}'.len_utf8()), "no character of UTF-8")
                .help("Save the file in UTF-8."))
        }
    }
}

fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let refuse = |why: String| Err(io::Error::other(why));
    // Asked before the file is opened, because opening a pipe waits for its writer.
    if !fs::metadata(path)?.is_file() {
        return refuse("it is not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return refuse(format!("it is larger than {} MiB, the most that is read", MAX_FILE_BYTES >> 20));
    }
    Ok(bytes)
}

/// The names of the entries of a directory, sorted by bytes. A name that is not Unicode
/// cannot end in one of the endings that count, except for its first part; it is left out.
pub(super) fn list(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        if let Ok(name) = entry?.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Whether a file of this name belongs to the configuration: in which form, and whether it is
/// an override.
fn classify(name: &str) -> Option<(Form, bool)> {
    let is_left_by_an_editor = name.starts_with('.') || name.ends_with('~') || name.starts_with('#');
    if is_left_by_an_editor {
        return None;
    }
    let (stem, form) = match (name.strip_suffix(".hcl"), name.strip_suffix(".hcl.json")) {
        (Some(stem), _) => (stem, Form::Native),
        (None, Some(stem)) => (stem, Form::Json),
        (None, None) => return None,
    };
    if stem.ends_with(".test") || stem.ends_with(".vars") {
        return None;
    }
    Some((form, stem == "override" || stem.ends_with("_override")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_a_file_is_for() {
        for (name, expected) in [
            ("a.hcl", Some((Form::Native, false))),
            ("a.hcl.json", Some((Form::Json, false))),
            ("a_override.hcl", Some((Form::Native, true))),
            ("override.hcl.json", Some((Form::Json, true))),
            ("a.test.hcl", None),
            ("a.test.hcl.json", None),
            ("portolan.vars.hcl", None),
            ("a.auto.vars.hcl", None),
            (".a.hcl", None),
            ("a.hcl~", None),
            ("#a.hcl#", None),
            ("a.tf", None),
        ] {
            assert_eq!(classify(name), expected, "{name}");
        }
    }

    #[test]
    fn odd_entries_end_in_diagnostics() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name);
        fs::create_dir(path("directory.hcl")).expect("a directory");
        fs::write(path("latin.hcl"), b"a = \"\xe9\"").expect("a file");
        fs::write(path("mark.hcl"), "\u{feff}a = 1").expect("a file");
        fs::File::create(path("huge.hcl")).expect("a file").set_len(MAX_FILE_BYTES + 1).expect("a length");
        std::os::unix::fs::symlink("circle.hcl", path("circle.hcl")).expect("a link");
        std::os::unix::net::UnixListener::bind(path("socket.hcl")).expect("a socket");

        let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
        let files = read_module(directory.path(), "", &mut sources, &mut diagnostics);
        assert_eq!(files.primary.len(), 1);
        assert_eq!(sources.get(files.primary[0].id).map(|file| &*file.text), Some("a = 1"));
        let details: Vec<&str> = diagnostics.iter().map(|diagnostic| &*diagnostic.detail).collect();
        let expected = [
            "circle.hcl: Too many",
            "huge.hcl: it is larger",
            "latin.hcl is not in UTF-8",
            "socket.hcl: it is not a regular",
        ];
        assert_eq!(details.len(), expected.len(), "{details:?}");
        for (detail, expected) in details.iter().zip(expected) {
            assert!(detail.starts_with(expected), "{detail}");
        }
        let latin = diagnostics.iter().find_map(|diagnostic| diagnostic.labels.first()).expect("a label");
        assert_eq!(sources.position(latin.span).column, 6);
    }
}
