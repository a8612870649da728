"""Generated secrets in goldens."""

from helm_check.manifests import Render
from helm_check.masking import masked_texts


def render(secret: str, *, kind: str = "Secret", field: str = "stringData", annotation: str = "same") -> Render:
    text = (
        f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: a, annotations: {{checksum/secret: {annotation}}}}}\n"
        f"# stays\n{field}:\n  url: {secret}\n"
    )
    return Render(case="defaults", release="demo", namespace="logging", values={}, texts={"templates/a.yaml": text})


def masked(first: Render, second: Render) -> tuple[str, list[str]]:
    texts, findings = masked_texts(first, second)
    return texts["templates/a.yaml"], [f"{finding.location}: {finding.message}" for finding in findings]


def test_an_address_keeps_its_shape() -> None:
    first, second = render("amqp://logstream:4Fz0aaaa@broker:5672/%2F"), render("amqp://logstream:Qq81bbbb@broker:5672/%2F")
    text, findings = masked(first, second)
    assert "  url: amqp://logstream:<generated>@broker:5672/%2F\n" in text
    assert "# stays\n" in text
    assert findings == []
    assert masked(second, first)[0] == text


def test_what_is_encoded_is_masked_as_a_whole() -> None:
    text, findings = masked(render("c2VjcmV0LW9uZQ==", field="data"), render("c2VjcmV0LXR3bw==", field="data"))
    assert "  url: <generated>\n" in text
    assert findings == []


def test_words_that_do_not_pair_are_masked_as_a_whole() -> None:
    text, _ = masked(render("a-b-c-one"), render("b-two"))
    assert "  url: <generated>\n" in text


def test_a_checksum_of_a_secret_may_differ() -> None:
    text, findings = masked(render("same", annotation="abcdef01"), render("same", annotation="23456789"))
    assert "checksum/secret: <generated>" in text
    assert findings == []


def test_nothing_else_may_be_generated() -> None:
    text, findings = masked(
        render("word-one", kind="ConfigMap", field="data"), render("word-two", kind="ConfigMap", field="data")
    )
    assert "  url: <generated>\n" in text
    assert findings == [
        "templates/a.yaml: ConfigMap a: data.url: differs from one render to the next; only a Secret may be generated"
    ]


def test_lists_are_looked_into() -> None:
    first, second = (
        f"apiVersion: v1\nkind: A\nmetadata: {{name: a}}\nspec: [same, {word}]\n" for word in ("word-one", "word-two")
    )
    renders = [
        Render(case="defaults", release="demo", namespace="logging", values={}, texts={"templates/a.yaml": text})
        for text in (first, second)
    ]
    _, [finding] = masked_texts(*renders)
    assert finding.location == "templates/a.yaml: A a: spec[1]"


def test_what_is_given_is_not_masked() -> None:
    assert (
        "url: amqp://user:given@broker" in masked(render("amqp://user:given@broker"), render("amqp://user:given@broker"))[0]
    )
