use proptest::prelude::*;

use super::*;

fn round_trip(value: &Value) -> Value {
    let ty = value.ty();
    let document = write(value, &ty, Unknowns::Allowed).expect("a document");
    let ty = types::read(&types::write(&ty)).expect("a type");
    Reader::new().read(&document.text, &ty).unwrap_or_else(|error| panic!("{error}: {}", document.text))
}

fn text(value: &Value) -> String {
    write(value, &value.ty(), Unknowns::Allowed).expect("a document").text
}

#[test]
fn the_text_is_plain_json() {
    let value = Value::object([
        ("image", Value::string("shop/api:7")),
        ("none", Value::null(Type::String)),
        ("password", Value::string("secret").sensitive()),
        ("ports", Value::list(Type::Number, [Value::number(80), Value::number(443)])),
    ]);
    assert_eq!(
        text(&value),
        r#"{"sensitive":[["password"]],"value":{"image":"shop/api:7","password":"secret","ports":[80,443]}}"#
    );
    assert_eq!(round_trip(&value), value);
}

#[test]
fn what_does_not_fit_its_place_brings_its_type() {
    let value = Value::tuple([
        Value::list(Type::Any, [Value::strings(["a"]), Value::null(Type::Any), Value::null(Type::Bool)]),
        Value::list(Type::list(Type::Any), [Value::strings(["a"])]),
        Value::map(Type::map(Type::String), [("k", Value::null(Type::Any))]),
    ]);
    assert_eq!(
        text(&value),
        concat!(
            r#"{"value":[[[["list","string"],["a"]],null,[["bool"],null]],"#,
            r#"[{"type":["list","string"],"value":["a"]}],{"k":[["any"],null]}]}"#
        )
    );
    assert_eq!(round_trip(&value), value);
}

#[test]
fn ephemeral_values_become_null_and_unknown_ones_keep_their_type() {
    let token = Value::object([("token", Value::string("x"))]).mark(Marks::EPHEMERAL).sensitive();
    let value = Value::tuple([token, Value::unknown_not_null(Type::Number).sensitive(), Value::unknown(Type::Any)]);
    let token_type = Type::object([("token", Type::String)]);
    assert_eq!(
        round_trip(&value),
        Value::tuple([
            Value::null(token_type).sensitive(),
            Value::unknown(Type::Number).sensitive(),
            Value::unknown(Type::Any)
        ])
    );
    assert!(!text(&value).contains('x'));
    let refused = write(&value, &value.ty(), Unknowns::Refused);
    assert_eq!(refused, Err(FormatError("the value at \"1\" is not known yet".to_owned())));
}

#[test]
fn what_is_written_can_be_read_as_deep_as_it_may_be() {
    let nest = |levels| (0..levels).fold(Value::TRUE, |inner, _| Value::object([("a", inner)]));
    let deepest = nest(MAX_DEPTH);
    assert_eq!(round_trip(&deepest), deepest);
    let dynamic = |levels| (0..levels).fold(Value::TRUE, |inner, _| Value::list(Type::Any, [inner]));
    let deepest = dynamic(MAX_DEPTH / 2);
    assert_eq!(round_trip(&deepest), deepest);
    for value in [nest(MAX_DEPTH + 1), dynamic(MAX_DEPTH / 2 + 1)] {
        let too_deep = write(&value, &value.ty(), Unknowns::Allowed);
        assert_eq!(too_deep, Err(FormatError("the value nests deeper than 120 levels".to_owned())));
    }
}

#[test]
fn errors_and_debug_show_no_value() {
    let document = Document { text: r#"{"value":"hunter2"}"#.to_owned(), sensitive: true };
    assert!(!format!("{document:?}").contains("hunter2"));
    for ty in [Type::Number, Type::Bool, Type::list(Type::String), Type::object([("a", Type::String)])] {
        let error = Reader::new().read(&document.text, &ty).expect_err("another type");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

fn any_type() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![Just(Type::Any), Just(Type::Bool), Just(Type::Number), Just(Type::String)];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(Type::list),
            inner.clone().prop_map(Type::set),
            inner.clone().prop_map(Type::map),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Type::tuple),
            prop::collection::btree_map(".{0,3}", inner, 0..3).prop_map(Type::object),
        ]
    })
}

fn any_number() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        "-?[1-9][0-9]{0,60}(\\.[0-9]{1,60})?(e-?[0-9]{1,3})?"
            .prop_map(|text: String| text.parse::<Number>().expect("a number")),
    ]
}

fn any_marks() -> impl Strategy<Value = Marks> {
    prop_oneof![4 => Just(Marks::NONE), 1 => Just(Marks::SENSITIVE)]
}

/// Values of any kind. The elements of collections are not always of the element type:
/// those must read back as well.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any_type().prop_map(Value::null),
        any_type().prop_map(Value::unknown),
        any::<bool>().prop_map(Value::bool),
        any_number().prop_map(Value::number),
        any::<String>().prop_map(Value::string),
    ];
    let leaf = (leaf, any_marks()).prop_map(|(value, marks)| value.mark(marks));
    leaf.prop_recursive(4, 32, 4, |inner| {
        let items = prop::collection::vec(inner.clone(), 0..4);
        let element = |items: &[Value], other: Type| items.first().map_or(other, Value::ty);
        let collection = prop_oneof![
            (items.clone(), any_type()).prop_map(move |(items, ty)| Value::list(element(&items, ty), items)),
            (items.clone(), any_type()).prop_map(|(items, ty)| Value::list(ty, items)),
            (items.clone(), any_type()).prop_map(move |(items, ty)| Value::set(element(&items, ty), items)),
            items.prop_map(Value::tuple),
            (prop::collection::btree_map(any::<String>(), inner.clone(), 0..4), any_type())
                .prop_map(|(entries, ty)| Value::map(entries.values().next().map_or(ty, Value::ty), entries)),
            prop::collection::btree_map(any::<String>(), inner, 0..4).prop_map(Value::object),
        ];
        (collection, any_marks()).prop_map(|(value, marks)| value.mark(marks))
    })
}

proptest! {
    #[test]
    fn every_value_reads_back(value in any_value()) {
        prop_assert_eq!(round_trip(&value), value);
    }

    #[test]
    fn every_type_reads_back(ty in any_type()) {
        prop_assert_eq!(types::read(&types::write(&ty)), Ok(ty));
    }

    #[test]
    fn no_text_panics(text in any::<String>(), ty in any_type()) {
        let _ = Reader::new().read(&text, &ty);
        let _ = Reader::new().read(&format!("{{\"value\":{text}}}"), &ty);
        let _ = types::read(&text);
    }
}
