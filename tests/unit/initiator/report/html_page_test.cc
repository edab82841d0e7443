#include "initiator/report/html_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>

#include "initiator/report/html_text.h"
#include "initiator/report/page_assets.h"
#include "tests/unit/initiator/report/sample_compare.h"
#include "tests/unit/initiator/report/sample_record.h"

namespace holdfast::initiator {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

std::size_t count_of(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

/// What the page's own script reads.
json data_of(const std::string& page) {
  const std::string_view open = "<script type=\"application/json\" id=\"data\">";
  const std::size_t begin = page.find(open) + open.size();
  return json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

/// The page without what stands in every one.
std::string own_part(const std::string& page) {
  const std::size_t begin = page.find("<body>");
  return page.substr(begin, page.find("<script type=") - begin);
}

const std::string hostile =
    "</script><script>alert('1')</script><!--\"&{{body}}]]>\n\x1b[31m\xff\u202e";

/// A record whose every string is hostile.
RunRecord hostile_record() {
  RunRecord record = sample_record();
  record.workload.kind = record.workload.source = record.workload.reason = record.workload.started =
      hostile;
  record.workload.version = hostile;
  record.workload.problem_list = {{hostile, hostile}};
  record.workload.mismatch_list = {{hostile, hostile}};
  record.destination = {
      .url = hostile, .transport = hostile, .bytes = 1, .negotiated = {{hostile, hostile}}};
  record.machine.kernel = record.machine.cpu_model = hostile;
  record.command_line = {"holdfast", hostile};
  record.left_out = {{hostile, hostile, 3}};
  for (PathEvent& event : record.events) {
    event.operation.file = event.evidence = event.blame = event.peer = event.more = hostile;
    for (InFlightOperation& operation : event.in_flight) operation.file = hostile;
  }
  return record;
}

TEST(HtmlText, ShowsAnyBytesAndMeansNothing) {
  EXPECT_EQ(html_text("<a href=\"x\">'&'</a>"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
  EXPECT_EQ(html_text("tab\there\xff"), "tab\\x09here\\xff");
  EXPECT_EQ(html_text_lines("a\n<b>"), "a\n&lt;b&gt;");
  EXPECT_EQ(html_name("x<y"), "<bdi>x&lt;y</bdi>");
  EXPECT_EQ(html_time(std::chrono::microseconds(350)), "350 µs");
}

TEST(HtmlText, JsonInAScriptElementStaysInItAndStaysTheSame) {
  const json value = {{"</script><!--", hostile.substr(0, 40)}};
  const std::string safe = json_for_script(value.dump());
  EXPECT_EQ(safe.find_first_of("<>&"), std::string::npos);
  EXPECT_EQ(json::parse(safe), value);
}

TEST(HtmlPage, NamesNeverBecomeMarkup) {
  const std::string plain = to_html(sample_record());
  const std::string page = to_html(hostile_record());
  EXPECT_EQ(count_of(page, "<script"), count_of(plain, "<script"));
  EXPECT_EQ(count_of(page, "</script>"), count_of(plain, "</script>"));
  EXPECT_EQ(count_of(page, "<!--"), 0U);
  EXPECT_EQ(page.find('\x1b'), std::string::npos);
  EXPECT_EQ(page.find('\xff'), std::string::npos);
  EXPECT_EQ(count_of(own_part(page), "<body>"), 1U)
      << "what stands between braces in a name is not filled in";
  EXPECT_THAT(own_part(page), HasSubstr("&lt;/script&gt;&lt;script&gt;alert(&#39;1&#39;)"));
  EXPECT_THAT(own_part(page), HasSubstr("{{body}}"));
  EXPECT_NO_THROW(data_of(page));
}

TEST(HtmlPage, NamesOfAComparisonNeverBecomeMarkup) {
  Comparison comparison;
  comparison.destination("one")
      .run(hostile_record())
      .destination("two")
      .twin_of("one")
      .run(hostile_record());
  CompareRecord& record = comparison.record();
  const std::string plain = to_html(record);
  record.source = record.order = record.started = record.version = hostile;
  record.machine.kernel = record.machine.cpu_model = hostile;
  record.command_line = {hostile};
  for (CompareRun& run : record.runs) run.label = hostile + run.label;
  for (CompareDestination& one : record.destinations) {
    one.label = hostile + one.label;
    one.url = one.transport = one.twin_of = one.reason = hostile;
    one.server = {hostile, hostile, hostile};
  }
  CompareDestination absent;
  absent.label = hostile;
  absent.status = CompareDestination::Status::refused;
  absent.reason = hostile;
  record.destinations.push_back(absent);
  const std::string page = to_html(record);
  EXPECT_EQ(count_of(page, "<script"), count_of(plain, "<script"));
  EXPECT_EQ(count_of(page, "<!--"), 0U);
  EXPECT_EQ(page.find('\x1b'), std::string::npos);
  const json data = data_of(page);
  EXPECT_EQ(data["destinations"].size(), 3U);
}

TEST(HtmlPage, AsksForNothingFromOutsideAndForbidsIt) {
  const std::string page = to_html(sample_record());
  const std::string policy = "default-src 'none'; script-src '" +
                             std::string(page_assets::charts_script_hash) + "' '" +
                             std::string(page_assets::page_script_hash) + "'";
  EXPECT_EQ(count_of(page, policy), 1U);
  EXPECT_FALSE(std::regex_search(own_part(page), std::regex("(src|href)=\"(?!#)")))
      << "every link is within the page";
  for (const char* asking : {"sourceMappingURL", "@import", "url("})
    EXPECT_EQ(count_of(page, asking), 0U) << asking;
}

TEST(HtmlPage, CarriesTheLicenceOfWhatStandsInIt) {
  const std::string page = to_html(sample_record());
  EXPECT_THAT(page, HasSubstr("Dan Vanderkam"));
  EXPECT_THAT(page, HasSubstr("Permission is hereby granted, free of charge"));
}

TEST(HtmlPage, SaysWithoutAScriptWhatTheRunWas) {
  RunRecord record = sample_record();
  record.workload.outcome = Outcome::finished;
  const std::string page = own_part(to_html(record));
  EXPECT_THAT(page, HasSubstr(">Stalled</h1>"));
  EXPECT_THAT(page, HasSubstr("12,345 files"));
  EXPECT_THAT(page, HasSubstr("1 stall of 1.00 s or more, the longest 3.02 s"));
  EXPECT_THAT(page, HasSubstr("write of 256.0 KiB at LBA 8192 for lib/libc.so"));
  EXPECT_THAT(page, HasSubstr("<details><summary>2 operations in flight</summary>"));
  EXPECT_THAT(page, HasSubstr("locked</bdi>: Permission denied"));
  EXPECT_THAT(page, HasSubstr("differs at byte 7"));
  EXPECT_THAT(page, HasSubstr("holdfast copy /usr/include iscsi://127.0.0.1:3260/iqn.x:y/1"));
  EXPECT_THAT(page, HasSubstr("6.18.5"));
  EXPECT_THAT(page, HasSubstr("a processor"));
  EXPECT_THAT(page, HasSubstr("<noscript>"));
}

TEST(HtmlPage, ALoadAndWhatWentOnBesideACopyHaveTheirFigures) {
  RunRecord record = sample_record();
  record.load.emplace();
  record.load->access = "rand<read";
  record.load->block_bytes = 4096;
  record.load->time = seconds(10);
  record.load->reads = {
      .operations = 20'000, .bytes = 81'920'000, .latency = record.latency, .service = {}};
  record.pressure.read_latency = record.latency;
  const std::string page = own_part(to_html(record));
  EXPECT_THAT(page, HasSubstr("20,000"));
  EXPECT_THAT(page, HasSubstr("rand&lt;read of 4.0 KiB in 10.0 s"));
  EXPECT_THAT(page, HasSubstr("<dt>Readers, p99</dt>"));
  EXPECT_THAT(page, Not(HasSubstr("<dt>Copied</dt>")));
}

TEST(HtmlPage, AnEmptyRunIsAPageToo) {
  const std::string page = to_html(RunRecord());
  EXPECT_THAT(own_part(page), Not(HasSubstr("data-chart=")));
  EXPECT_THAT(own_part(page), HasSubstr("Nothing happened that is worth an event."));
  const json data = data_of(page);
  EXPECT_TRUE(data["destinations"][0]["runs"][0].is_null());
}

TEST(HtmlPage, AHangThatIsStillOpenSaysSo) {
  RunRecord record = sample_record();
  PathEvent& hang = record.events[0];
  hang.kind = EventKind::hang;
  hang.at = seconds(1);
  hang.lasted = seconds(10);
  hang.open = true;
  record.verdict = Verdict::hung;
  record.workload.outcome = Outcome::hung;
  record.totals.events = {0, 0, 1, 0, 0, 1};
  const std::string page = to_html(record);
  EXPECT_THAT(own_part(page), HasSubstr("10.0 s so far"));
  const json band = data_of(page)["destinations"][0]["runs"][0]["bands"][0];
  EXPECT_EQ(band["kind"], "hang");
  EXPECT_EQ(band["from"], 1.0);
  EXPECT_EQ(band["to"], 11.0);
  EXPECT_EQ(band["open"], true);
  EXPECT_EQ(band["text"], "hang 10.0 s");
}

TEST(HtmlPage, TheChartsHaveTheTimelineInColumns) {
  RunRecord record = sample_record();
  record.timeline.push_back(record.timeline.front());
  record.timeline.back().at += milliseconds(20);
  record.timeline.back().operations = 0;
  record.timeline.back().latency_p50 = record.timeline.back().latency_p99 =
      record.timeline.back().latency_max = {};
  const json run = data_of(to_html(record))["destinations"][0]["runs"][0];
  EXPECT_EQ(run["at"], (json{1.0, 1.02}));
  EXPECT_EQ(run["end"], 1.04);
  EXPECT_EQ(run["p50"], (json{2000.0, nullptr})) << "a logarithm has no nothing";
  EXPECT_EQ(run["written"], (json{250.0, 250.0})) << "bytes a second";
  EXPECT_EQ(run["readers"]["max"], (json{13.0, 13.0}));
  EXPECT_EQ(run["locks"]["p50"], (json{15.0, 15.0}));
}

TEST(HtmlPage, ManyEventsAreFoldedAndNoneIsLost) {
  RunRecord record = sample_record();
  PathEvent hiccup;
  hiccup.kind = EventKind::hiccup;
  hiccup.lasted = milliseconds(200);
  for (int i = 0; i < 10'000; ++i) {
    hiccup.at = milliseconds(300 * i);
    record.events.push_back(hiccup);
  }
  record.totals.events[0] = 10'000;
  const std::string page = to_html(record);
  const std::string own = own_part(page);
  EXPECT_EQ(count_of(own, "class=\"chip is-stalled\">hiccup"), 10'000U);
  EXPECT_THAT(own, HasSubstr("<details><summary>9977 more</summary>"));
  EXPECT_LT(own.find("class=\"chip is-stalled\">stall<"), own.find("9977 more"))
      << "the worst are not folded";
  EXPECT_LE(data_of(page)["destinations"][0]["runs"][0]["bands"].size(), 400U);
  EXPECT_LT(page.size(), 8U << 20);
}

TEST(HtmlPage, LongTimelinesAndListsStayBounded) {
  RunRecord record = sample_record();
  record.timeline.assign(200'000, record.timeline.front());
  for (std::size_t i = 0; i < record.timeline.size(); ++i) record.timeline[i].at = seconds(i);
  record.timeline[123'456].latency_max = seconds(60);
  record.events.assign(100, record.events.front());
  for (PathEvent& event : record.events) event.in_flight.assign(4096, event.operation);
  const std::string page = to_html(record);
  const json run = data_of(page)["destinations"][0]["runs"][0];
  EXPECT_LE(run["at"].size(), 4096U);
  EXPECT_THAT(run["max"], testing::Contains(60e6)) << "the worst stays";
  EXPECT_LT(page.size(), 8U << 20);
}

TEST(HtmlPage, AComparisonHasEveryDestinationInItsTable) {
  Comparison comparison;
  comparison.destination("iscsi").took(1.0, 1.1, 1.2).destination("nfs v4", "nfs").took(3.0, 3.1);
  comparison.run(stalled_for(copied_in(6), 3))
      .destination("disk", "file")
      .local_limit()
      .took(0.5, 0.5, 0.5);
  CompareDestination absent;
  absent.label = "nbd";
  absent.status = CompareDestination::Status::not_installed;
  absent.server = {"nbdkit", "", "nbdkit"};
  comparison.record().destinations.push_back(absent);
  const std::string page = to_html(comparison.record());
  const std::string own = own_part(page);
  EXPECT_THAT(own, HasSubstr("nfs v4 did not hold still, the others did</h1>"));
  EXPECT_THAT(own,
              HasSubstr("<td class=\"number\">1.10</td><td class=\"number\">1.00 – 1.20</td>"));
  EXPECT_THAT(own, HasSubstr("the local limit"));
  EXPECT_THAT(own, HasSubstr("nbdkit is not installed: apt install nbdkit"));
  EXPECT_THAT(own, HasSubstr("By nature: "));
  EXPECT_EQ(count_of(own, "data-destination="), 3U) << "what did not run has no section of its own";
  EXPECT_EQ(data_of(page)["destinations"][1]["shown"], 2) << "the run that stalled";
}

TEST(HtmlPage, DistributionsOfSeveralRunsAreTheMiddleOnes) {
  Comparison comparison;
  comparison.destination("one");
  for (const int factor : {1, 9, 2}) {
    RunRecord run = copied_in(1);
    run.latency.percentiles = {
        {0, milliseconds(factor)}, {90, milliseconds(10 * factor)}, {100, milliseconds(99)}};
    comparison.run(run);
  }
  const json all = data_of(to_html(comparison.record()))["destinations"][0]["percentiles"]["all"];
  EXPECT_EQ(all, (json{{0.0, 2000.0}, {1.0, 20'000.0}}));
}

}  // namespace
}  // namespace holdfast::initiator
