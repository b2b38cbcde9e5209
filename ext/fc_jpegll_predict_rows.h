/* Rows of differences to samples, for one type of sample: included by fc_jpegll_predict.c with FC_SAMPLE, FC_ROW and
   FC_SUM_VECTORS set. Arithmetic is modulo the type: of a sound stream no sample passes its precision.

   `row` and `above` never overlap; saying so lets the compiler take many samples at a time. */

static void FC_ROW(sum)(FC_SAMPLE *row, size_t count)
{
    FC_SAMPLE last = 0;
    size_t i = 0;
#ifdef FC_VECTORS
    i = FC_SUM_VECTORS(row, count, &last);
#endif
    for (; i < count; i++)
        row[i] = last = (FC_SAMPLE)(last + row[i]);
}

/* Predictor 1, Ra: sums from the left. The first sample of each component has its prediction added already. */
static void FC_ROW(from_left)(FC_SAMPLE *row, size_t count, size_t components)
{
    size_t i;
    if (components == 1) {
        FC_ROW(sum)(row, count);
    } else if (components == 3) {
        FC_SAMPLE first = row[0], second = row[1], third = row[2];
        for (i = 3; i < count; i += 3) {
            row[i] = first = (FC_SAMPLE)(first + row[i]);
            row[i + 1] = second = (FC_SAMPLE)(second + row[i + 1]);
            row[i + 2] = third = (FC_SAMPLE)(third + row[i + 2]);
        }
    } else {
        for (i = components; i < count; i++)
            row[i] = (FC_SAMPLE)(row[i] + row[i - components]);
    }
}

static void FC_ROW(add)(FC_SAMPLE *FC_RESTRICT row, const FC_SAMPLE *FC_RESTRICT others, size_t count)
{
    size_t i;
    for (i = 0; i < count; i++)
        row[i] = (FC_SAMPLE)(row[i] + others[i]);
}

/* a: left (Ra), b: above (Rb), c: above left (Rc), as T.81 table H.1 has them; shifts keep the sign (H.1.2.1). */
#define FC_FROM(prediction)                                                    \
    for (component = 0; component < components; component++) {                 \
        int32_t a = row[component], c = above[component], b;                   \
        for (i = component + components; i < count; i += components, c = b) {  \
            (void)c; /* not every predictor needs it */                        \
            b = above[i];                                                      \
            row[i] = (FC_SAMPLE)((uint32_t)row[i] + (uint32_t)(prediction));   \
            a = row[i];                                                        \
        }                                                                      \
    }                                                                          \
    break

static void FC_ROW(from_above)(FC_SAMPLE *FC_RESTRICT row, const FC_SAMPLE *FC_RESTRICT above, size_t count,
                               size_t components, int predictor)
{
    size_t i, component;
    switch (predictor) {
    case 2:
        FC_ROW(add)(row + components, above + components, count - components);
        break;
    case 3:
        FC_ROW(add)(row + components, above, count - components);
        break;
    case 4: /* Ra + Rb - Rc: what differs from above is summed from the left */
        for (i = 0; i < components; i++)
            row[i] = (FC_SAMPLE)(row[i] - above[i]);
        FC_ROW(from_left)(row, count, components);
        FC_ROW(add)(row, above, count);
        break;
    case 5: FC_FROM(a + ((b - c) >> 1));
    case 6: FC_FROM(b + ((a - c) >> 1));
    case 7: FC_FROM((a + b) >> 1);
    default: break;
    }
}

static void FC_ROW(predict)(FC_SAMPLE *row, size_t rows, size_t count, size_t components, int predictor,
                            unsigned initial)
{
    const FC_SAMPLE *above = NULL;
    size_t i;
    for (; rows--; above = row, row += count) {
        for (i = 0; i < components; i++)
            row[i] = (FC_SAMPLE)(row[i] + (above ? above[i] : initial));
        if (predictor == 1 || !above)
            FC_ROW(from_left)(row, count, components);
        else
            FC_ROW(from_above)(row, above, count, components, predictor);
    }
}

#undef FC_FROM
#undef FC_SAMPLE
#undef FC_ROW
#undef FC_SUM_VECTORS
