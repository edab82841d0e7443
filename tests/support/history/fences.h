#pragma once

#include <string>

#include "tests/support/history/history.h"

namespace holdfast::testing_support {

/// What fencing promises: once PREEMPT AND ABORT is answered, nothing that the host sent before
/// reaches the medium any more, and nothing that it sends is done, until it begins to register anew.
/// And whoever is registered for certain is not refused.
///
/// Takes the fences, registrations and refused commands out of `history`, and narrows the time in
/// which what is left can have taken effect to what is promised. Returns the first command that
/// breaks the promise by its answer alone, in words; nothing if none does.
std::string apply_fences(History& history);

}  // namespace holdfast::testing_support
