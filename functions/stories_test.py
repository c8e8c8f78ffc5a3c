#!/usr/bin/python3
"""Tests of functions that work together, and of what functions/README.md says of them.

    python3 functions/stories_test.py [PACKS_DIR]

The functions are called one after another as a workflow would call them, without engine.
"""
import base64
import collections
import os
import pathlib
import re
import sys
import tempfile
import unittest

PACKS_DIR = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(PACKS_DIR))

import local_runtime  # noqa: E402

# Beside every handler that needs them, because a Lambda package stands alone.
COPIED_MODULES = {"picture.py", "flights.py", "hotels.py", "bookings.py", "table.py"}


def pdf_of(*pages):
    """A PDF file with one line of text on each page."""
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(pages)))
    objects = ["<</Type/Catalog/Pages 2 0 R>>",
               f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>",
               "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    for i, text in enumerate(pages):
        content = f"BT /F 12 Tf 20 20 Td ({text}) Tj ET"
        objects += [f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 50]/Contents {5 + 2 * i} 0 R"
                    "/Resources<</Font<</F 3 0 R>>>>>>",
                    f"<</Length {len(content)}>>stream\n{content}\nendstream"]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj{body}endobj\n".encode("latin-1")
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    return out + (f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer<</Size {size}/Root 1 0 R>>\n"
                  f"startxref\n{len(out)}\n%%EOF\n").encode("latin-1")


class WithFunctions(unittest.TestCase):
    packs_dir = PACKS_DIR

    @classmethod
    def setUpClass(cls):
        cls.packs = local_runtime.load_packs(cls.packs_dir)
        cls.functions = {spec["name"]: (folder, spec) for folder, spec in cls.packs.items()}

    def setUp(self):
        state = tempfile.TemporaryDirectory(prefix="ae-stories-")
        self.addCleanup(state.cleanup)
        self.state = pathlib.Path(state.name)

    def call(self, function, **arguments):
        """As the engine does it: functions of one `state` share a folder, others have their own."""
        folder, spec = self.functions[function]
        state = self.state / spec.get("state", function)
        state.mkdir(exist_ok=True)
        return local_runtime.invoke(folder, spec, arguments, state)

    def refuses(self, kind, function, **arguments):
        with self.subTest(function=function), self.assertRaises(Exception) as caught:
            self.call(function, **arguments)
        self.assertEqual(kind, type(caught.exception).__name__)


class Stories(WithFunctions):
    def test_what_is_booked_by_three_functions_is_listed_by_a_fourth(self):
        flight = self.call("fastest_flight", origin="Oslo", destination="Lisbon", date="2026-12-24")
        hotel = self.call("nearest_hotel", **self.call("geocode_city", city="Lisbon"))
        train = self.call("next_train", origin="Lisbon", destination="Porto", departs_after="09:00")
        made = [
            self.call("book_flight", flight_id=flight["flight_id"], passenger="Anna"),
            self.call("book_hotel", hotel_id=hotel["hotel_id"], guest="anna", check_in="2026-12-24"),
            self.call("book_train", train_id=train["train_id"], passenger="Anna", date="2026-12-27"),
        ]
        self.call("book_train", train_id=train["train_id"], passenger="Ben", date="2026-12-27")
        listed = self.call("list_bookings", person="Anna")["bookings"]
        self.assertCountEqual([one["booking_reference"] for one in made],
                              [one["booking_reference"] for one in listed])
        self.assertEqual({"flight", "hotel", "train"}, {one["kind"] for one in listed})

    def test_booking_the_same_twice_is_booking_it_once(self):
        for _ in range(2):
            self.call("book_hotel", hotel_id="HTL-601", guest="Carla", check_in="2026-12-24")
        self.assertEqual(1, len(self.call("list_bookings", person="Carla")["bookings"]))

    def test_an_event_that_was_created_is_listed(self):
        self.call("create_event", user_id="ben_456", title="Budget review", date="2026-12-24")
        self.assertEqual([{"start_time": "09:00", "title": "Budget review"}],
                         self.call("list_events", user_id="ben_456", date="2026-12-24")["events"])

    def test_messages_of_both_kinds_lie_in_one_outbox(self):
        self.call("send_email", to="anna@example.com", body="Hello")
        self.call("send_sms", phone_number="+4722000456", message="Hello")
        [outbox] = self.state.rglob("outbox.jsonl")
        self.assertEqual(2, len(outbox.read_text(encoding="utf-8").splitlines()))

    def test_every_flight_that_is_found_can_be_booked(self):
        cities = ("Oslo", "Lisbon", "Lyon", "Reykjavik", "Nairobi", "Kyoto", "New York")
        for origin in cities:
            for destination in cities:
                if origin == destination:
                    continue
                asked = {"origin": origin, "destination": destination, "date": "2026-12-24"}
                cheapest = self.call("cheapest_flight", **asked)
                fastest = self.call("fastest_flight", **asked)
                self.assertNotEqual(cheapest["flight_id"], fastest["flight_id"])
                for flight in (cheapest, fastest):
                    self.call("book_flight", flight_id=flight["flight_id"], passenger="Anna")

    def test_a_pdf_file_becomes_a_summary(self):
        pdf = pdf_of("It rained. We stayed in.", "The cat slept.")
        read = self.call("extract_pdf_text", document=base64.b64encode(pdf).decode())
        self.assertEqual(2, read["page_count"])
        self.assertEqual({"summary": "It rained. We stayed in."},
                         self.call("summarize_text", text=read["document_text"]))

    def test_broken_pdf_files_are_refused_in_words(self):
        whole = pdf_of("It rained.")
        for broken in (whole[:60], whole.replace(b"/Kids[4 0 R]", b"/Kids 7     "), pdf_of(""),
                       b"%PDF-1.4\n" + bytes(200)):
            with self.assertRaisesRegex(ValueError, "PDF file"):
                self.call("extract_pdf_text", document=base64.b64encode(broken).decode())

    def test_a_table_is_filtered_then_added_up_or_shown(self):
        table = "city,visitors\nOslo,120\nLyon,80\nOslo,30\n"
        kept = self.call("filter_csv", csv_text=table, column="city", value="oslo")["filtered_csv"]
        self.assertEqual({"aggregate_value": 150.0}, self.call(
            "aggregate_csv", csv_text=kept, column="visitors", aggregate="sum"))
        self.assertEqual(2, self.call("csv_to_html_table", csv_text=kept)["row_count"])

    def test_the_time_in_a_city(self):
        zone = self.call("time_zone_of_city", city="Kyoto")["time_zone"]
        at = "2026-12-24T18:00:00+00:00"
        self.assertEqual("03:00", self.call("current_time", time_zone=zone, at=at)["local_time"])
        self.assertRegex(self.call("current_time", time_zone=zone)["local_time"], r"^\d\d:\d\d$")

    def test_handlers_check_what_a_schema_would_have_kept_out(self):
        place = {"latitude": 59.91, "longitude": 10.75}
        self.refuses("ValueError", "day_of_week", date="Christmas")
        self.refuses("ValueError", "days_between", start_date="2026-02-30", end_date="2026-12-24")
        self.refuses("ValueError", "hourly_forecast", **place, date="2026-12-24", hour=24)
        self.refuses("ValueError", "cheapest_flight", origin="Oslo", destination="Lyon",
                     date="24.12.2026")
        self.refuses("ValueError", "book_train", train_id="LYP-0850", date="today", passenger="A")
        self.refuses("ValueError", "book_hotel", hotel_id="HTL-1", guest="A", check_in="2026-12-24")
        self.refuses("ValueError", "book_hotel", hotel_id="HTL-101", guest="A",
                     check_in="2026-12-24", nights=31)
        self.refuses("TypeError", "markdown_to_html", markdown=7)
        self.refuses("RangeError", "parse_url", web_address="example.com")
        self.refuses("RangeError", "convert_color", color="teal", color_format="cmyk")
        self.refuses("ValueError", "convertimage", image="", image_format="png")

    def test_html_made_from_strangers_text_stays_text(self):
        html = self.call("markdown_to_html", markdown='<script>"x"</script> [a](data:text/html,b)')
        self.assertEqual('<p>&lt;script&gt;&quot;x&quot;&lt;/script&gt; a</p>', html["html"])
        table = self.call("csv_to_html_table", csv_text="<b>\n\"<i>\nx\"")
        self.assertNotRegex(table["html_table"], "<[bi]>")


class Compiled(WithFunctions):
    """Only in the folder of a build is there a compiled pack."""

    def setUp(self):
        super().setUp()
        if "describe_numbers" not in self.functions:
            self.skipTest("these are not the packs of a build")

    def test_a_long_list_and_a_large_number_are_no_problem(self):
        numbers = list(range(100_000))
        described = self.call("describe_numbers", numbers=numbers)
        self.assertEqual((100_000, 49_999.5), (described["count"], described["median"]))
        self.assertEqual(numbers, self.call("sort_numbers", numbers=numbers[::-1])["sorted_numbers"])
        self.assertEqual({"factors": [94906247, 94906249], "is_prime": False},
                         self.call("prime_factors", number=94906247 * 94906249))

    def test_impossible_numbers_are_refused(self):
        self.refuses("ValueError", "describe_numbers", numbers=[])
        self.refuses("ValueError", "sort_numbers", numbers=[3, "two"])
        self.refuses("ValueError", "sort_numbers", numbers=[3], order="upwards")
        self.refuses("ValueError", "sort_numbers")
        self.refuses("ValueError", "prime_factors", number=1)
        self.refuses("ValueError", "prime_factors", number=2**53)
        self.refuses("ValueError", "checksum_text", text=7)
        self.refuses("ValueError", "solve_equations", coefficients=[[1, 2]], constants=[1])

    def test_text_outside_of_ascii_has_the_checksum_of_its_utf8(self):
        self.assertEqual("cbf43926", self.call("checksum_text", text="123456789")["checksum"])
        self.assertEqual("6ceb0ebd", self.call("checksum_text", text="\u017elu\u0165")["checksum"])

    def test_a_worker_lives_on_after_an_error(self):
        folder, spec = self.functions["solve_equations"]
        with local_runtime.worker(folder, spec, self.state) as call:
            for _ in range(3):
                with self.assertRaises(Exception) as caught:
                    call({"coefficients": [[0]], "constants": [1]})
                self.assertEqual("SingularSystemError", type(caught.exception).__name__)
                self.assertEqual({"solution": [2.0]}, call({"coefficients": [[2]],
                                                            "constants": [4]}))

    def test_an_unknown_handler_is_an_error_of_the_start(self):
        folder, spec = self.functions["solve_equations"]
        with local_runtime.lambda_environment(spec, self.state):
            os.environ["_HANDLER"] = "numbers.nothing"
            self.assertRegex(local_runtime.init_error(folder), "no function numbers.nothing")


class Readme(unittest.TestCase):
    packs_dir = PACKS_DIR

    def setUp(self):
        self.packs = local_runtime.load_packs(self.packs_dir)
        self.text = (PACKS_DIR / "README.md").read_text(encoding="utf-8")

    def test_it_names_every_function_under_its_pack(self):
        listed = {}
        for pack, functions in re.findall(r"^\| (\w+) \| (.*?) \|", self.text, re.MULTILINE):
            listed[pack] = set(re.findall(r"\w+", re.sub(r"\*\(\w+\)\*", "", functions)))
        for pack, names in self.by_pack().items():
            self.assertEqual(names, listed[pack], pack)

    def by_pack(self):
        packs = collections.defaultdict(set)
        for folder, spec in self.packs.items():
            packs[folder.parent.name].add(spec["name"])
        return packs

    def test_the_near_twins_exist_and_are_ten_or_more(self):
        section = self.text.split("## Near-twins", 1)[1].split("\n## ", 1)[0]
        named = re.findall(r"`(\w+)`", section)
        self.assertGreaterEqual(len(set(named)), 10)
        known = {name for names in self.by_pack().values() for name in names}
        parameters = {name for spec in self.packs.values() for side in ("input", "output")
                      for name in spec[side]["properties"]}
        self.assertEqual(set(), set(named) - known - parameters)

    def test_modules_of_one_name_within_a_pack_are_one_text(self):
        texts = collections.defaultdict(set)
        for folder in self.packs:
            for path in folder.glob("*.py"):
                if path.name != "lambda_function.py":
                    texts[folder.parent.name, path.name].add(path.read_text(encoding="utf-8"))
        self.assertEqual(COPIED_MODULES, {name for _, name in texts})
        for place, contents in texts.items():
            self.assertEqual(1, len(contents), place)


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        WithFunctions.packs_dir = Readme.packs_dir = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
