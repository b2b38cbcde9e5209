/* Prediction (T.81 H.1.2.1, table H.1) and the way through a frame: scans, restart intervals, batches of rows. */
#include "fc_jpegll.h"

#include <string.h>

/* Where a component's samples go. */
typedef struct {
    uint8_t *bytes;   /* or */
    uint16_t *words;  /* the one that is not NULL */
    size_t stride;    /* samples from pixel to pixel */
} fc_target;

static fc_target target_of(const fc_jpegll *jpeg, void *out, unsigned component, size_t row)
{
    size_t at = row * jpeg->columns * jpeg->components + component;
    fc_target target = {NULL, NULL, jpeg->components};
    if (jpeg->precision <= 8)
        target.bytes = (uint8_t *)out + at;
    else
        target.words = (uint16_t *)out + at;
    return target;
}

static void put_line(fc_target target, const uint16_t *line, size_t columns, unsigned shift)
{
    if (target.bytes)
        for (size_t n = 0; n < columns; n++)
            target.bytes[n * target.stride] = (uint8_t)(line[n] << shift);
    else
        for (size_t n = 0; n < columns; n++)
            target.words[n * target.stride] = (uint16_t)(line[n] << shift);
}

/* Predictor 1 in one component: a sample is its sum, and a constant that the row's first sample gives. */
static void put_sums(fc_target target, const uint16_t *sums, size_t columns, uint16_t constant, unsigned shift)
{
    if (target.bytes)
        for (size_t n = 0; n < columns; n++)
            target.bytes[n] = (uint8_t)((sums[n] + constant) << shift);
    else
        for (size_t n = 0; n < columns; n++)
            target.words[n] = (uint16_t)((sums[n] + constant) << shift);
}

#define PREDICTED(expression)                                                                                          \
    for (size_t n = 1; n < columns; n++) {                                                                             \
        const int above = up[n], corner = up[n - 1];                                                                   \
        (void)above, (void)corner;                                                                                     \
        left = (uint16_t)(differences[n * step] + (expression));                                                       \
        line[n] = (uint16_t)left;                                                                                      \
    }                                                                                                                  \
    break

/* A row of one component from its differences, `step` apart; `up` is the row above, NULL for the first. */
static void predict(unsigned predictor, const uint16_t *differences, size_t step, uint16_t *line, const uint16_t *up,
                    size_t columns, unsigned start)
{
    int left = (uint16_t)(differences[0] + (up ? up[0] : start));
    line[0] = (uint16_t)left;
    if (!up) {
        for (size_t n = 1; n < columns; n++)
            line[n] = (uint16_t)(left = (uint16_t)(differences[n * step] + left));
        return;
    }
    switch (predictor) {
    case 1:
        PREDICTED(left);
    case 2:
        PREDICTED(above);
    case 3:
        PREDICTED(corner);
    case 4:
        PREDICTED(left + above - corner);
    case 5:
        PREDICTED(left + ((above - corner) >> 1));
    case 6:
        PREDICTED(above + ((left - corner) >> 1));
    default:
        PREDICTED((left + above) >> 1);
    }
}

/* The rows of a restart interval of one component, from running sums. */
typedef struct {
    fc_jpegll *jpeg;
    void *out;
    unsigned component;
    size_t row, first_row, end_row;
    uint16_t before; /* the sum in front of the present row */
    uint16_t first;  /* predictor 1: the first sample of the row above */
} fc_rows;

static void put_rows(fc_rows *rows, uint16_t *sums, size_t count)
{
    fc_jpegll *jpeg = rows->jpeg;
    const size_t columns = jpeg->columns;
    const unsigned start = 1u << (jpeg->precision - jpeg->point_transform - 1);
    for (size_t n = 0; n < count; n++, sums += columns, rows->row++) {
        fc_target target = target_of(jpeg, rows->out, rows->component, rows->row);
        int first = rows->row == rows->first_row;
        uint16_t behind = sums[columns - 1];
        if (jpeg->predictor == 1 && jpeg->components == 1) {
            uint16_t constant = (uint16_t)((first ? start : rows->first) - rows->before);
            put_sums(target, sums, columns, constant, jpeg->point_transform);
            rows->first = (uint16_t)(sums[0] + constant);
        } else {
            uint16_t **lines = jpeg->lines[rows->component];
            for (size_t m = columns - 1; m > 0; m--)
                sums[m] = (uint16_t)(sums[m] - sums[m - 1]);
            sums[0] = (uint16_t)(sums[0] - rows->before);
            uint16_t *line = lines[rows->row & 1];
            predict(jpeg->predictor, sums, 1, line, first ? NULL : lines[~rows->row & 1], columns, start);
            put_line(target, line, columns, jpeg->point_transform);
        }
        rows->before = behind;
    }
}

static fc_status at_its_end(fc_jpegll *jpeg)
{
    return fc_jpegll_was_whole(&jpeg->stream) ? FC_OK : FC_CUT;
}

/* The next rows of a scan of one component, as many as a batch holds. */
static size_t next_rows(const fc_rows *rows)
{
    size_t left = rows->end_row - rows->row;
    size_t batch = rows->jpeg->columns < FC_BATCH ? FC_BATCH / rows->jpeg->columns : 1;
    return left < batch ? left : batch;
}

static fc_status plain_interval(fc_rows *rows)
{
    fc_jpegll *jpeg = rows->jpeg;
    while (rows->row < rows->end_row) {
        size_t count = next_rows(rows);
        fc_status status = fc_jpegll_sums(&jpeg->stream, jpeg->table_of[0], jpeg->sums, count * jpeg->columns);
        if (status)
            return status;
        put_rows(rows, jpeg->sums, count);
    }
    return at_its_end(jpeg);
}

/* A restart interval of a scan of several components, sample by sample in turn. */
static fc_status mixed_interval(fc_jpegll *jpeg, void *out, size_t first_row, size_t end_row)
{
    const unsigned start = 1u << (jpeg->precision - jpeg->point_transform - 1), step = jpeg->scan_components;
    for (size_t row = first_row; row < end_row; row++) {
        fc_status status =
            fc_jpegll_differences(&jpeg->stream, jpeg->table_of, step, jpeg->sums, jpeg->columns);
        if (status)
            return status;
        for (unsigned n = 0; n < step; n++) {
            uint16_t **lines = jpeg->lines[jpeg->first_component + n], *line = lines[row & 1];
            predict(jpeg->predictor, jpeg->sums + n, step, line, row == first_row ? NULL : lines[~row & 1],
                    jpeg->columns, start);
            put_line(target_of(jpeg, out, jpeg->first_component + n, row), line, jpeg->columns, jpeg->point_transform);
        }
    }
    return at_its_end(jpeg);
}

static fc_status decode_scan(fc_jpegll *jpeg, void *out)
{
    size_t step = jpeg->restart_rows ? jpeg->restart_rows : jpeg->rows;
    for (size_t row = 0; row < jpeg->rows; row += step) {
        fc_status status = fc_jpegll_next_interval(jpeg, row == 0);
        size_t end = jpeg->rows - row < step ? jpeg->rows : row + step;
        fc_rows rows = {jpeg, out, jpeg->first_component, row, row, end, 0, 0};
        if (!status && jpeg->scan_components == 1)
            status = plain_interval(&rows);
        else if (!status)
            status = mixed_interval(jpeg, out, row, end);
        if (status)
            return status;
    }
    return FC_OK;
}

/* The scans from the one whose header was read on. */
static fc_status decode_scans(fc_jpegll *jpeg, void *out)
{
    unsigned missing = (1u << jpeg->components) - 1;
    for (;;) {
        fc_status status = decode_scan(jpeg, out);
        if (status)
            return status;
        missing &= ~(((1u << jpeg->scan_components) - 1) << jpeg->first_component);
        if (!missing)
            return FC_OK;
        status = fc_jpegll_next_scan(jpeg);
        if (status)
            return status;
    }
}

fc_status fc_jpegll_decode(fc_jpegll *jpeg, void *out)
{
    fc_status status = fc_jpegll_next_scan(jpeg);
    return status ? status : decode_scans(jpeg, out);
}

static int is_plain(const fc_jpegll *jpeg)
{
    return jpeg->components == 1 && !jpeg->restart_rows;
}

/* Two frames of one size, of one restart interval and one component each. */
static void plain_pair(fc_jpegll *jpegs[2], void *outs[2], fc_status status[2])
{
    fc_rows rows[2] = {{jpegs[0], outs[0], 0, 0, 0, jpegs[0]->rows, 0, 0},
                       {jpegs[1], outs[1], 0, 0, 0, jpegs[1]->rows, 0, 0}};
    fc_bits *streams[2] = {&jpegs[0]->stream, &jpegs[1]->stream};
    const fc_table *const tables[2] = {jpegs[0]->table_of[0], jpegs[1]->table_of[0]};
    uint16_t *const sums[2] = {jpegs[0]->sums, jpegs[1]->sums};
    while (rows[0].row < rows[0].end_row && !status[0] && !status[1]) {
        size_t count = next_rows(&rows[0]);
        fc_jpegll_sums_two(streams, tables, sums, count * jpegs[0]->columns, status);
        for (int n = 0; n < 2; n++)
            if (!status[n])
                put_rows(&rows[n], sums[n], count);
    }
    for (int n = 0; n < 2; n++) /* one that is left where the other failed goes on alone */
        if (!status[n])
            status[n] = plain_interval(&rows[n]);
}

void fc_jpegll_decode_two(fc_jpegll *one, void *out_one, fc_jpegll *two, void *out_two, fc_status *status)
{
    fc_jpegll *jpegs[2] = {one, two};
    void *outs[2] = {out_one, out_two};
    for (int n = 0; n < 2; n++)
        status[n] = fc_jpegll_next_scan(jpegs[n]);
    int pair = !status[0] && !status[1] && is_plain(one) && is_plain(two) && one->rows == two->rows &&
               one->columns == two->columns;
    if (pair)
        for (int n = 0; n < 2; n++)
            status[n] = fc_jpegll_next_interval(jpegs[n], 1);
    if (pair && !status[0] && !status[1]) {
        plain_pair(jpegs, outs, status);
        return;
    }
    for (int n = 0; n < 2; n++)
        if (!status[n])
            status[n] = decode_scans(jpegs[n], outs[n]);
}
