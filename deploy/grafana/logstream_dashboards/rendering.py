"""Converts a Board to Grafana's JSON. The only module that knows the SDK."""

import json
from typing import Final

from grafana_foundation_sdk.builders import common, stat, timeseries
from grafana_foundation_sdk.builders.dashboard import (
    AdHocVariable,
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    ThresholdsConfig,
)
from grafana_foundation_sdk.builders.dashboard import Row as RowBuilder
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
)

from logstream_dashboards.panels import Board, Panel

TAG: Final = "logstream"
_SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
_LINES_HEIGHT: Final = 8
_STAT_HEIGHT: Final = 4


def render(board: Board) -> str:
    """The text of the board's file."""
    builder = (
        Dashboard(board.title)
        .uid(board.uid)
        .description(board.description)
        .tags([TAG])
        .readonly()
        .timezone("browser")
        .time("now-1h", "now")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        # One Prometheus may watch several installations, so a label filter is added to every query.
        .with_variable(AdHocVariable("filter").label("Only").datasource(_SOURCE))
        .link(
            DashboardLink("logstream")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
    )
    number = 0
    for row in board.rows:
        number += 1
        builder.with_row(RowBuilder(row.title).id(number))
        for panel in row.panels:
            number += 1
            builder.with_panel(_stat(panel, number) if panel.kind == "stat" else _lines(panel, number))
    return json.dumps(builder.build(), cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _targets(panel: Panel) -> list[Dataquery]:
    targets = []
    for index, query in enumerate(panel.queries):
        target = Dataquery().datasource(_SOURCE).ref_id(chr(ord("A") + index)).expr(query.expr).legend_format(query.legend)
        targets.append(target.instant() if panel.kind == "stat" else target.range())
    return targets


def _lines(panel: Panel, number: int) -> timeseries.Panel:
    built = (
        timeseries.Panel()
        .id(number)
        .title(panel.title)
        .description(panel.description)
        .datasource(_SOURCE)
        .unit(panel.unit)
        .min(0)
        .height(_LINES_HEIGHT)
        .span(panel.width)
        .line_width(1)
        .fill_opacity(25 if panel.stacked else 5)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    )
    if panel.stacked:
        built = built.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    for target in _targets(panel):
        built = built.with_target(target)
    return built


def _stat(panel: Panel, number: int) -> stat.Panel:
    built = (
        stat.Panel()
        .id(number)
        .title(panel.title)
        .description(panel.description)
        .datasource(_SOURCE)
        .unit(panel.unit)
        .height(_STAT_HEIGHT)
        .span(panel.width)
        .color_mode(BigValueColorMode.VALUE)
        # A single value has no history.
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(_steps(panel)))
    )
    for target in _targets(panel):
        built = built.with_target(target)
    return built


def _steps(panel: Panel) -> list[Threshold]:
    if panel.bad_from is not None:
        return [Threshold(color="green"), Threshold(value=panel.bad_from, color="red")]
    if panel.bad_below is not None:
        return [Threshold(color="red"), Threshold(value=panel.bad_below, color="green")]
    return [Threshold(color="text")]
