#include "${part}_model.h"

alignas(16) const unsigned char ${part}_model[$bytes] = {
$content
};
