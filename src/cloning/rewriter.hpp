#pragma once

#include "cloning/plan.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>

namespace cloning {

/// Changes statements of the dump that the target needs in another form, or must not run.
class Rewriter {
  public:
    /// \pre the plan outlives this.
    explicit Rewriter(const ClonePlan& plan);

    /// \returns what replaces the statement; empty if nothing does.
    std::string operator()(std::string statement);

    // The statements that must run after all others, complete at the end of the dump, in this
    // order:

    /// Those that create publications, because a published table cannot become a hypertable.
    const std::string& publications() const { return publications_; }

    /// Those that give objects their owners and privileges. Until then, all objects belong to the
    /// target's role. Privileges on schemas come first, because owners need them.
    std::string ownership() const { return of_schemas_ + owners_ + privileges_; }

    /// Those that create event triggers, so that no other statement fires them. They do not fire
    /// them themselves (EventTriggerSupportsObjectType in PostgreSQL's
    /// src/backend/commands/event_trigger.c).
    const std::string& event_triggers() const { return event_triggers_; }

    const std::string& event_trigger_owners() const { return event_trigger_owners_; }

    /// \throws Error if the dump lacks the expected statement of a partitioned table.
    void finish() const;

  private:
    bool is_made_by_timescaledb(std::string_view statement) const;
    std::string without_partition_key(std::string statement);
    bool publishes_left_out(std::string_view statement) const;
    std::string_view owner_of_cagg(std::string_view statement) const;
    bool take_ownership(const std::string& statement);

    const ClonePlan& plan_;
    std::map<std::string, std::string> partition_keys_; ///< beginnings of statements, and ends
    std::set<std::string, std::less<>> caggs_;          ///< quoted
    std::set<std::string, std::less<>> tables_;         ///< that the target will have, quoted
    std::string of_schemas_;
    std::string owners_;
    std::string privileges_;
    std::string publications_;
    std::string event_triggers_;
    std::string event_trigger_owners_;
};

} // namespace cloning
