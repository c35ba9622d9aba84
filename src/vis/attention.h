// Which features the classifier looks at (DVI, AAAI 2022, sec. 3.3): they are to be reconstructed best.
#pragma once

#include <cstdint>
#include <vector>

#include "core/matrix.h"
#include "subject/subject_model.h"

namespace dvi {

/// Attention of sample i to feature d: table(row[i], d). With a linear head it depends on the two classes
/// only, so the table has a row for each pair of classes that occurs; else one for each sample.
struct Attention {
  Matrix table;              ///< [rows, D]; rows sum to 1
  std::vector<int32_t> row;  ///< [n]
};

/// softmax over the D features of (|d logit_top1 / df| + |d logit_top2 / df|) / temperature, top1 and top2
/// being the sample's two largest logits. A lower temperature concentrates it on fewer features (DVI: 0.3 for
/// CIFAR-10, 0.1 for Fashion-MNIST, 0.02 for MNIST). `features` [n, D], `logits` [n, C] of the same samples.
Attention head_attention(MatrixView features, MatrixView logits, SubjectModel& subject, float temperature);

}  // namespace dvi
