//! Tables as they are asked for, shown, paged and written as files.

use super::*;

const COLUMNS: &[Column] = &[
    Column { key: "name", title: "Name" },
    Column { key: "n", title: "N" },
    Column { key: "s", title: "State" },
];

fn table() -> Table<'static> {
    let row = |name: &str, n: &str, s: &str| vec![Cell::text(name), Cell::text(n), Cell::text(s)];
    Table {
        of: "odd things",
        path: "/things",
        columns: COLUMNS,
        choices: &["s"],
        rows: vec![row("er10", "=1+1", "up"), row("er9", "b", "down"), row("<b>", "c\"d", "up")],
        empty: html! { "none" },
    }
}

fn names(query: &str) -> Vec<String> {
    table().chosen(&Asked::by(query)).iter().map(|row| row[0].text.clone()).collect()
}

async fn file_of(asked: &Asked) -> String {
    let body = table().csv(asked).into_body();
    String::from_utf8(axum::body::to_bytes(body, usize::MAX).await.unwrap().into()).unwrap()
}

#[test]
fn rows_are_sorted_as_people_count_and_filtered_by_all_words_and_choices() {
    assert_eq!(names("filter=er&sort=name"), ["er9", "er10"]);
    assert_eq!(names("filter=er&sort=-name"), ["er10", "er9"]);
    assert_eq!(names("filter=ER+b"), ["er9"]);
    assert_eq!(names("s=up"), ["er10", "<b>"]);
    assert_eq!(names("s=up&filter=er"), ["er10"]);
    assert_eq!(names("n=b&page=x").len(), 3, "only what is offered is chosen by, and nonsense is no error");
}

#[test]
fn what_is_in_a_cell_is_text_on_the_page_and_in_a_file() {
    let page = table().render(&Asked::default()).into_string();
    assert!(page.contains("&lt;b&gt;") && !page.contains("<b>"));
    assert_eq!(csv_field("=1+1"), "\"'=1+1\"");
    assert_eq!(csv_field("c\"d"), "\"c\"\"d\"");
}

#[tokio::test]
async fn only_the_columns_chosen_are_shown_and_written() {
    let asked = Asked::by("column=name&column=s&column=nonsense");
    let page = table().render(&asked).into_string();
    assert!(page.contains(r#"data-title="State""#) && !page.contains(r#"data-title="N""#));
    assert!(page.contains("column=name&amp;column=s"), "links keep them");
    assert_eq!(
        file_of(&asked).await,
        "\"Name\",\"State\"\r\n\"er10\",\"up\"\r\n\"er9\",\"down\"\r\n\"<b>\",\"up\"\r\n"
    );
    let remembered = Asked::by("").remembering("odd-things", "n").remembering("others", "name");
    assert_eq!(remembered.shown("odd things", COLUMNS), [1]);
    let asked = Asked::by("column=*").remembering("odd-things", "n");
    assert_eq!(asked.shown("odd things", COLUMNS), [0, 1, 2], "the address says more than the browser");
    assert_eq!(Asked::by("column=gone").shown("odd things", COLUMNS), [0, 1, 2], "never none");
}

#[test]
fn a_filtered_table_tells_how_many_of_how_many_and_how_to_get_back() {
    let page = table().render(&Asked::by("filter=er&s=up&sort=-name")).into_string();
    assert!(page.contains("1 of 3 odd things"), "{page}");
    assert!(page.contains(r#"<a class="subtle" href="/things?sort=-name">Reset"#), "{page}");
    assert!(page.contains(r#"aria-sort="descending""#));
    let none = table().render(&Asked::by("filter=nothing")).into_string();
    assert!(none.contains("No odd things match") && !none.contains(">none<"));
    assert_eq!(paged::count(1_240, 1_240, "x"), "1,240 x");
}

#[test]
fn an_empty_table_is_asked_for_again_whole_and_a_full_one_without_its_form() {
    let mut empty = table();
    empty.rows.clear();
    let page = empty.render(&Asked::default()).into_string();
    assert!(page.contains(r##"hx-select="#table""##) && page.contains("none") && !page.contains("<form"));
    let page = table().render(&Asked::default()).into_string();
    let (before, live) = page.split_once(r#"<div id="rows""#).unwrap();
    assert!(before.contains("<form") && live.contains(r##"hx-select="#rows""##) && !live.contains("<form"));
}

#[test]
fn rows_that_were_paged_elsewhere_turn_by_number_and_sort_by_what_can_be() {
    let paged = Paged {
        of: "things",
        path: "/things",
        columns: COLUMNS,
        sortable: &["name"],
        choices: vec![Choice { key: "s", label: "State", options: vec![("up".into(), "Up".into())] }],
        rows: table().rows,
        matching: 203,
        total: 1_240,
        turn: Turn { page: 3, pages: 3 },
        empty: html! { "none" },
    };
    let page = paged.render(&Asked::by("s=up&page=3")).into_string();
    assert!(
        page.contains("Page 3 of 3") && page.contains("/things?s=up&amp;page=2") && !page.contains(">Next")
    );
    assert!(page.contains("sort=name") && !page.contains("sort=n\""), "only what can be sorted by");
    assert!(page.contains("203 of 1,240 things") && page.contains("selected>Up"));
}

#[tokio::test]
async fn a_file_is_written_while_its_rows_are_read_and_breaks_off_when_they_can_t_be() {
    let row = |name: &str| vec![Cell::text(name), Cell::text(""), Cell::text("up")];
    let asked = Asked::by("column=name");
    let pages = futures::stream::iter([Ok(vec![row("a")]), Ok(vec![row("b")])]);
    let body = file("things", COLUMNS, &asked, pages).into_body();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    assert_eq!(bytes, "\"Name\"\r\n\"a\"\r\n\"b\"\r\n");
    let broken = futures::stream::iter([Ok(vec![row("a")]), Err(crate::error::PageError::internal("gone"))]);
    let body = file("things", COLUMNS, &asked, broken).into_body();
    assert!(axum::body::to_bytes(body, usize::MAX).await.is_err());
}
