/*
 * report_chart.h
 *		The pictures of ec_report, as SVG within its page.
 *
 * Each function is called in a catalog scope and appends nothing if there is
 * nothing to draw.
 */
#ifndef EC_LIFECYCLE_REPORT_CHART_H
#define EC_LIFECYCLE_REPORT_CHART_H

#include "postgres.h"

#include "lib/stringinfo.h"

/* Appends text with the characters replaced that HTML gives a meaning. */
extern void ec_append_html(StringInfo page, const char *text);

/* The phases of the change on one time line, with its jobs below. */
extern void ec_chart_phases(StringInfo page, const char *change);

/* For each job of the change, rows over time and what it waited for. */
extern void ec_chart_jobs(StringInfo page, const char *change);

#endif
