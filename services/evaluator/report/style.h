// The report's style sheet: light, dark and print; system fonts, nothing from outside.
#pragma once

namespace foundry::evaluator {

inline constexpr char kReportStyle[] = R"css(
:root {
  color-scheme: light dark;
  --page: #fbfbf9; --card: #ffffff; --ink: #14171c; --soft: #565d69; --faint: #858c98;
  --rule: #e4e5e2; --grid: #ecedea; --edge: #0002; --good: #0b7a4b; --bad: #b3372f;
  --c0: #9aa1ad; --c1: #2a6fdb; --c2: #0f9d76; --c3: #d98a00; --c4: #b45bb3; --c5: #6c5ce0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #121418; --card: #191c21; --ink: #eceef2; --soft: #a9b0bc; --faint: #7d8592;
    --rule: #2b3038; --grid: #242931; --edge: #000a; --good: #4fc38d; --bad: #ef7d74;
    --c0: #7d8592; --c1: #5b97f0; --c2: #34b98f; --c3: #e3a53b; --c4: #cb83ca; --c5: #9387f0;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif;
  -webkit-text-size-adjust: 100%;
}
main { max-width: 900px; margin: 0 auto; padding: 48px 24px 96px; }
header { margin-bottom: 32px; }
h1 { font-size: 34px; line-height: 1.15; letter-spacing: -.02em; margin: 4px 0 10px; text-wrap: balance; }
h2 { font-size: 21px; line-height: 1.3; letter-spacing: -.01em; margin: 56px 0 6px; }
h3 { font-size: 16px; margin: 28px 0 6px; }
p { margin: 6px 0 14px; max-width: 70ch; }
.kicker { color: var(--faint); font-size: 13px; letter-spacing: .08em; text-transform: uppercase; margin: 0; }
.soft, .caption { color: var(--soft); }
.caption { font-size: 14px; }
.lead { font-size: 18px; color: var(--soft); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 12px; margin: 24px 0 8px; }
.tile { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 14px 16px 12px; }
.tile b { display: block; font-size: 30px; line-height: 1.2; letter-spacing: -.02em; font-weight: 650; font-variant-numeric: tabular-nums; }
.tile b small { font-size: 17px; font-weight: 500; color: var(--faint); letter-spacing: 0; }
.tile span { color: var(--soft); font-size: 13.5px; line-height: 1.4; display: block; }
.tile .name { color: var(--ink); font-weight: 600; font-size: 13.5px; }
figure { margin: 14px 0 8px; padding: 18px 18px 12px; --under: var(--card); border: 1px solid var(--rule); border-radius: 10px; }
figure figcaption { color: var(--soft); font-size: 14px; margin-top: 10px; }
.chart { display: block; width: 100%; height: auto; margin: 0 auto; }
.chart text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: var(--soft); font-variant-numeric: tabular-nums; }
.chart .label { fill: var(--ink); font-size: 13px; font-weight: 600; }
.chart .value { fill: var(--ink); font-size: 13px; font-weight: 650; }
.chart .small { font-size: 11.5px; fill: var(--ink); }
.chart .tick { fill: var(--faint); }
.chart .mid { text-anchor: middle; } .chart .end { text-anchor: end; }
.chart .grid { stroke: var(--grid); stroke-width: 1; } .chart .axis { stroke: var(--faint); stroke-width: 1; }
.chart .whisker { stroke: var(--ink); stroke-width: 1.5; opacity: .72; }
.chart .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.chart .dot { stroke: var(--card); stroke-width: 1.5; }
.c0 { fill: var(--c0); background: var(--c0); } .c1 { fill: var(--c1); background: var(--c1); }
.c2 { fill: var(--c2); background: var(--c2); } .c3 { fill: var(--c3); background: var(--c3); }
.c4 { fill: var(--c4); background: var(--c4); } .c5 { fill: var(--c5); background: var(--c5); }
.s0 { stroke: var(--c0); } .s1 { stroke: var(--c1); } .s2 { stroke: var(--c2); }
.s3 { stroke: var(--c3); } .s4 { stroke: var(--c4); } .s5 { stroke: var(--c5); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; font-size: 13.5px; color: var(--soft); margin: 0 0 12px; }
.legend i { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 7px; vertical-align: -1px; }
.scroll { overflow-x: auto; margin: 12px 0 8px; --under: var(--page); }
/* A shadow at the edge behind which a table or a chart goes on. */
.scroll, figure {
  background: linear-gradient(to right, var(--under) 30%, transparent) left / 40px 100% local,
    linear-gradient(to left, var(--under) 30%, transparent) right / 40px 100% local,
    linear-gradient(to right, var(--edge), transparent) left / 12px 100% scroll,
    linear-gradient(to left, var(--edge), transparent) right / 12px 100% scroll, var(--under);
  background-repeat: no-repeat;
}
table { border-collapse: collapse; width: 100%; font-size: 14.5px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: 8px 14px 8px 0; border-bottom: 1px solid var(--rule); }
thead th { color: var(--faint); font-size: 12.5px; font-weight: 600; border-bottom: 1px solid var(--faint); white-space: nowrap; }
tbody th { font-weight: 600; }
th.n, td.n { text-align: right; padding-right: 0; padding-left: 14px; white-space: nowrap; }
td small, th small { color: var(--faint); font-weight: 400; display: block; font-size: 12.5px; }
.examples { table-layout: fixed; min-width: 640px; }
.examples td, .examples tbody th { font-size: 14px; line-height: 1.45; overflow-wrap: anywhere; font-weight: 400; }
.right { color: var(--good); } .wrong { color: var(--bad); }
.mark { font-weight: 700; margin-right: 5px; }
.up { color: var(--good); font-weight: 600; } .down { color: var(--bad); font-weight: 600; }
ol.advice { padding-left: 1.3em; max-width: 74ch; } ol.advice li { margin: 10px 0; } ol.advice b { font-weight: 600; }
details { margin: 12px 0; } summary { cursor: pointer; color: var(--soft); font-size: 14.5px; }
ul.plain { padding-left: 1.2em; max-width: 76ch; font-size: 14.5px; color: var(--soft); }
footer { margin-top: 64px; padding-top: 16px; border-top: 1px solid var(--rule); color: var(--faint); font-size: 13.5px; }
@media (max-width: 560px) {
  main { padding: 28px 16px 64px; } h1 { font-size: 27px; }
  /* Charts keep a size at which their labels can be read. */
  figure { padding: 12px 10px 8px; overflow-x: auto; } .chart { width: 480px; }
  .legend, figure figcaption { position: sticky; left: 0; }
  table { font-size: 13.5px; } th, td { padding-right: 8px; } th.n, td.n { padding-left: 8px; }
}
@media print {
  :root {
    color-scheme: light;
    --page: #fff; --card: #fff; --ink: #000; --soft: #333; --faint: #666; --rule: #ccc; --grid: #e6e6e6; --edge: transparent;
    --good: #0b6b42; --bad: #9c2c25;
    --c0: #9aa1ad; --c1: #2a6fdb; --c2: #0f9d76; --c3: #d98a00; --c4: #b45bb3; --c5: #6c5ce0;
  }
  @page { margin: 16mm 15mm; }
  body { font-size: 10.5pt; } main { max-width: none; padding: 0; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  figure, .tile, tr { break-inside: avoid; } h2, h3 { break-after: avoid; } h2 { margin-top: 28px; }
  /* A heading and its explanation stay with what they head. */
  h2 + p, h3 + p { break-after: avoid; } p { orphans: 3; widows: 3; }
  .scroll, figure { overflow: visible; background: none; } .chart { width: 100%; }
  .examples { min-width: 0; } .examples td, .examples tbody th { font-size: 8.5pt; line-height: 1.35; }
  th, td { padding-top: 5px; padding-bottom: 5px; } .examples td:not(:last-child) { padding-right: 10px; }
  details > *:not(summary) { display: block; } details::details-content { content-visibility: visible; }
}
)css";

}  // namespace foundry::evaluator
