//! A second opinion on the syntax: a reader of nginx's words, after the rules of
//! `ngx_conf_read_token`, written apart from the code that quotes.

/// A directive as nginx reads it: its words, and its block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) words: Vec<String>,
    pub(crate) block: Option<Vec<Read>>,
}

enum Token {
    Word(String),
    Semicolon,
    Open,
    Close,
}

/// The directives of a file.
pub(crate) fn read(text: &str) -> Vec<Read> {
    let mut tokens = tokens(text).into_iter();
    let directives = block(&mut tokens);
    assert!(tokens.next().is_none(), "a brace too many in\n{text}");
    directives
}

fn block(tokens: &mut impl Iterator<Item = Token>) -> Vec<Read> {
    let mut directives = Vec::new();
    let mut words = Vec::new();
    while let Some(token) = tokens.next() {
        match token {
            Token::Word(word) => words.push(word),
            Token::Semicolon => directives.push(Read { words: std::mem::take(&mut words), block: None }),
            Token::Open => {
                let words = std::mem::take(&mut words);
                directives.push(Read { words, block: Some(block(tokens)) });
            }
            Token::Close => break,
        }
    }
    assert!(words.is_empty(), "words without an end: {words:?}");
    directives
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        match char {
            ' ' | '\t' | '\r' | '\n' => {}
            ';' => tokens.push(Token::Semicolon),
            '{' => tokens.push(Token::Open),
            '}' => tokens.push(Token::Close),
            '#' => {
                rest.by_ref().find(|char| *char == '\n');
            }
            quote @ ('"' | '\'') => {
                let word = quoted(&mut rest, quote);
                let end = rest.peek().expect("something behind a quote");
                assert!(" \t\r\n;{".contains(*end), "{end:?} behind a quote");
                tokens.push(Token::Word(word));
            }
            first => tokens.push(Token::Word(bare(&mut rest, first))),
        }
    }
    tokens
}

fn quoted(rest: &mut impl Iterator<Item = char>, quote: char) -> String {
    let mut word = String::new();
    loop {
        match rest.next().expect("a closing quote") {
            '\\' => escape(rest, &mut word),
            char if char == quote => return word,
            char => word.push(char),
        }
    }
}

fn bare(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, first: char) -> String {
    let mut word = String::new();
    if first == '\\' {
        escape(rest, &mut word);
    } else {
        word.push(first);
    }
    while let Some(char) = rest.next_if(|char| !" \t\r\n;{".contains(*char)) {
        if char == '\\' {
            escape(rest, &mut word);
        } else {
            word.push(char);
        }
    }
    word
}

fn escape(rest: &mut impl Iterator<Item = char>, word: &mut String) {
    match rest.next().expect("something behind a backslash") {
        char @ ('"' | '\'' | '\\') => word.push(char),
        't' => word.push('\t'),
        'r' => word.push('\r'),
        'n' => word.push('\n'),
        other => word.extend(['\\', other]),
    }
}
