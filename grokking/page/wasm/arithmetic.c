/* Matrix products in registers, sums, and the logarithm of a log-softmax. No library is linked. */
#include "engine.h"

enum { ROWS = 4, VECTORS = 3 };

/* out[ROWS or fewer, 4 · VECTORS or fewer] = A B or += A B, summed over ``inner`` in its order. */
static inline __attribute__((always_inline)) void panel(const float *a, int by_row, int by_inner, const float *b,
                                                        int ldb, float *out, int ldo, int inner, int add,
                                                        int rows, int vectors) {
  v4 sum[ROWS][VECTORS];
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++) sum[r][v] = add ? *(v4 *)(out + r * ldo + 4 * v) : (v4){0, 0, 0, 0};
  for (int k = 0; k < inner; k++, a += by_inner, b += ldb)
    for (int r = 0; r < rows; r++)
      for (int v = 0; v < vectors; v++) sum[r][v] += a[r * by_row] * *(const v4 *)(b + 4 * v);
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++) *(v4 *)(out + r * ldo + 4 * v) = sum[r][v];
}

/* Rows of one panel of columns: fours of them, then single ones. */
static inline __attribute__((always_inline)) void columns_of(const float *a, int by_row, int by_inner,
                                                             const float *b, int ldb, float *out, int ldo,
                                                             int rows, int inner, int add, int vectors) {
  int r = 0;
  for (; r + ROWS <= rows; r += ROWS)
    panel(a + r * by_row, by_row, by_inner, b, ldb, out + r * ldo, ldo, inner, add, ROWS, vectors);
  for (; r < rows; r++)
    panel(a + r * by_row, by_row, by_inner, b, ldb, out + r * ldo, ldo, inner, add, 1, vectors);
}

/* out [rows, columns] = A B or += A B. A's entry (r, k) lies at r · by_row + k · by_inner, so a transposed A is
   one with these two exchanged; B [inner, columns] has rows ``ldb`` apart. columns is a multiple of 4. */
void matmul(const float *a, int by_row, int by_inner, const float *b, int ldb, float *out, int ldo, int rows,
            int inner, int columns, int add) {
  int c = 0;
  for (; c + 4 * VECTORS <= columns; c += 4 * VECTORS)
    columns_of(a, by_row, by_inner, b + c, ldb, out + c, ldo, rows, inner, add, VECTORS);
  for (; c < columns; c += 4) columns_of(a, by_row, by_inner, b + c, ldb, out + c, ldo, rows, inner, add, 1);
}

/* out [columns, rows], returned, is a [rows, columns] with rows ``lda`` apart. */
float *transposed(const float *a, int rows, int columns, int lda, float *out) {
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < columns; c++) out[c * rows + r] = a[r * lda + c];
  return out;
}

void add_to(float *out, const float *a, int n) {
  for (int i = 0; i < n; i++) out[i] += a[i];
}

void fill(float *out, float value, int n) {
  for (int i = 0; i < n; i++) out[i] = value;
}

void copy(float *out, const float *a, int n) {
  for (int i = 0; i < n; i++) out[i] = a[i];
}

float dot(const float *a, const float *b, int n) {
  v4 sum = {0, 0, 0, 0};
  for (int i = 0; i < n; i += 4) sum += *(const v4 *)(a + i) * *(const v4 *)(b + i);
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* ln(x) for normal x > 0: x = m 2^k with m from √½ to √2, and ln m = 2 atanh((m - 1) / (m + 1)). */
double logarithm(double x) {
  union { double number; long long bits; } m = {x};
  int k = (int)(m.bits >> 52) - 1022;
  m.bits = (m.bits & 0xFFFFFFFFFFFFFLL) | 0x3FE0000000000000LL;
  if (m.number < 0.7071067811865476) m.number *= 2, k--;
  double s = (m.number - 1) / (m.number + 1), sum = 0;
  for (int i = 11; i >= 0; i--) sum = sum * s * s + 1.0 / (2 * i + 1);
  return x == x ? k * 0.6931471805599453 + 2 * s * sum : x;
}
