/* One scan of a JPEG Lossless frame, as its headers describe it. */
#ifndef FC_JPEGLL_SCAN_H
#define FC_JPEGLL_SCAN_H

#include "fc_jpegll_parts.h"

typedef struct {
    size_t components;               /* of this scan: all of the frame's, or one */
    size_t component;                /* which, if it is one */
    const fc_codes *codes[3];        /* of each component of the scan */
    int predictor, precision, shift; /* Ss, P, Pt */
    size_t restart_rows;             /* rows of one restart interval; 0 where there are none */
} fc_scan;

/* Parts of fc_jpegll_frame.scratch, fc_jpegll_scratch_bytes of them. */
typedef struct {
    fc_huffman tables[3];
    uint8_t *parked, *bytes, *spread, *plane;
    size_t spread_room;
} fc_workspace;

/* Divide `frame->scratch` up. */
fc_workspace *fc_workspace_of(fc_jpegll_frame *frame);

/* Decode a scan whose entropy-coded bytes begin at `frame->offset`; leaves `offset` behind them, or where it failed. */
int fc_decode_scan(fc_jpegll_frame *frame, fc_workspace *work, const fc_scan *scan);

#endif
